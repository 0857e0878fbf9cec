"""What all sessions share to hear and think with: ears, a brain, and their threads."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.errors import EarError, WeightsError
from models.stt.catalogue import ear_for
from models.stt.ear import Ear
from models.weights import all_weights, folder, is_present
from server.brain.brain import Brain
from server.brain.faq import KNOWLEDGE, FaqBrain
from server.brain.openai import Endpoint, OpenAIBrain
from server.brain.tools import read_tools
from server.settings import Settings

logger = logging.getLogger(__name__)

EAR_THREADS = 2
WARM_UP_AFTER_S = 3.0  # the first pictures come first


class Senses:
    """voice_activity: quick steps, many a second. hearing: slow ones.

    Both are apart from the threads of the media loop, which never wait for them.
    """

    def __init__(self, ears: Sequence[Ear], brain: Brain) -> None:
        self.ears = tuple(ears)
        self.brain = brain
        self.voice_activity = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self.hearing = ThreadPoolExecutor(EAR_THREADS, thread_name_prefix="ear")

    def ear(self, language: str | None) -> Ear:
        """Raises:
        EarError: nothing here understands that language.
        """
        return ear_for(self.ears, language)

    async def warm_up(self) -> None:
        """What the first visitor who speaks would wait for."""
        await asyncio.sleep(WARM_UP_AFTER_S)
        loop = asyncio.get_running_loop()
        for ear in self.ears[:1]:
            try:
                await loop.run_in_executor(self.hearing, ear.warm_up)
            except EarError as error:
                logger.error("%s", error.message)

    async def close(self) -> None:
        await self.brain.close()
        for ear in self.ears:
            await asyncio.to_thread(ear.close)
        for executor in (self.voice_activity, self.hearing):
            executor.shutdown(wait=False, cancel_futures=True)


def open_senses(settings: Settings) -> Senses:
    """As the settings want them; reads weights, so it may take seconds.

    Raises:
        KnowledgeError: the folder of answers, or the file of tools, cannot be used.
    """
    brain = open_brain(settings)
    return Senses(open_ears(settings, brain.expects), brain)


def open_brain(settings: Settings) -> Brain:
    """A language model if one is named, else the embedded questions and answers.

    Raises:
        KnowledgeError: see open_senses.
    """
    if settings.brain_url:
        endpoint = Endpoint(
            settings.brain_url,
            settings.brain_model,
            settings.brain_key.get_secret_value(),
            settings.brain_timeout_s,
        )
        path = settings.brain_tools
        return OpenAIBrain(endpoint, read_tools(path) if path else ())
    return FaqBrain(settings.knowledge_dir or KNOWLEDGE, settings.handover_url)


def open_ears(settings: Settings, expected: Sequence[str] = ()) -> tuple[Ear, ...]:
    """Whisper where its weights lie, then the embedded ear; none if it is "off".

    expected: what people are likely to say, which helps the embedded ear.
    """
    if settings.ear == "off":
        return ()
    from models.stt.sphinx import SphinxEar

    ears: list[Ear] = []
    path = _whisper_folder(settings.ear, settings.weights)
    if path:
        from models.stt.whisper import WhisperEar

        try:
            ears.append(WhisperEar(path))
        except EarError as error:
            logger.error("%s", error.message)
    ears.append(SphinxEar(expected))
    return tuple(ears)


def _whisper_folder(wanted: str, root: Path) -> Path | None:
    """Of the weights that are named; else of the largest that are there."""
    if wanted == "embedded":
        return None
    if wanted:
        try:
            return folder(wanted, root)
        except WeightsError as error:
            logger.error("%s", error.message)
            return None
    present = [
        weights
        for weights in all_weights()
        if weights.name.startswith("whisper-") and is_present(weights, root)
    ]
    best = max(present, key=lambda weights: weights.size, default=None)
    return root / best.folder if best else None
