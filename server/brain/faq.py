"""The embedded brain: answers from a folder of questions and answers, or says that it
does not know, or calls a person."""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

from server.brain.brain import Asked, BrainError
from server.brain.knowledge import read_knowledge
from server.brain.phrases import phrase
from server.brain.search import Index
from server.brain.webhook import Webhooks

KNOWLEDGE = Path(__file__).parent.parent / "knowledge"  # about the project itself

# From questions in other words and questions about other things (tests/test_faq.py):
# the middle of the gap between the two.
CERTAIN = 0.40

HAND_OVER = re.compile(r"\{hand over\}\s*")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


class FaqBrain:
    """handover_url: of the service that calls a person; without, nobody can come."""

    name = "questions and answers"

    def __init__(self, folder: Path = KNOWLEDGE, handover_url: str = "") -> None:
        """Raises:
        KnowledgeError: the folder cannot be used.
        """
        entries = read_knowledge(folder)
        self.expects = [each for entry in entries for each in entry.questions]
        self._index = Index(entries)
        self._handover_url = handover_url
        self._webhooks = Webhooks()

    async def answer(self, asked: Asked) -> AsyncGenerator[str, None]:
        """See Brain.answer."""
        question = asked.question
        language = "zh" if _HAN.search(question) else asked.language
        match = await asyncio.to_thread(self._index.best, question)
        if match is None or match.score < CERTAIN:
            yield phrase("unknown", language)
            if self._handover_url:
                yield " " + phrase("offer", language)
            return
        answer = match.entry.answer
        if HAND_OVER.search(answer):
            answer = await self._hand_over(asked, HAND_OVER.sub("", answer), language)
        yield answer

    async def _hand_over(self, asked: Asked, answer: str, language: str) -> str:
        """Tell the operator's service; what to say then."""
        if not self._handover_url:
            asked.handed_over(False)
            return phrase("nobody", language)
        said = [{"role": each.role, "text": each.text} for each in asked.messages]
        body = {"session_id": asked.session_id, "messages": said}
        try:
            await self._webhooks.post(self._handover_url, body)
        except BrainError:
            asked.handed_over(False)
            return phrase("nobody", language)
        asked.handed_over(True)
        return answer

    async def close(self) -> None:
        await self._webhooks.close()
