"""What the visitor says -> what the portrait answers, spoken as it is thought of."""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from models.emotion import Emotion
from server.brain.brain import Asked, Brain, BrainError, Message
from server.brain.phrases import Phrase, phrase
from server.errors import ApiError
from server.languages import spoken_language
from server.persona import Converse
from server.pipeline import Speech
from server.playout import Utterance
from server.protocol import ErrorEvent, Event, HandedOver, Warned
from server.spoken import Spoken
from server.tags import TagFilter

logger = logging.getLogger(__name__)

FILLER_AFTER_S = 0.7  # longer than people leave unanswered (Stivers et al. 2009: 0.2)
MAX_MESSAGES = 60  # of history; the oldest are forgotten
MAX_HISTORY_CHARS = 60_000
RETRY_ROOM_S = 0.5
POLL_S = 0.02


@dataclass(frozen=True)
class Part:
    """Some words of a stream."""

    stream_id: str
    text: str
    emotion: Emotion | None
    source: str | None


class Conversation:
    """Of one session. At most one answer is under way."""

    def __init__(
        self,
        session_id: str,
        brain: Brain,
        speech: Speech,
        spoken: Spoken,
        how: Converse,
        tell: Callable[[Event], None],
        answered: Callable[[], None],
    ) -> None:
        """answered: called when an answer has begun to sound, or will not come."""
        self.how = how
        self._session_id = session_id
        self._brain = brain
        self._speech = speech
        self._spoken = spoken
        self._tell = tell
        self._answered = answered
        self._history: deque[Message] = deque(maxlen=MAX_MESSAGES)
        self._utterances: list[Utterance] = []  # of the last answer
        self._said = ""  # of the last answer, by utterances that are over
        self._answering: asyncio.Task[None] | None = None
        self.language: str | None = None  # of the visitor's last words

    @property
    def history(self) -> list[Message]:
        """What was really said so far, oldest first."""
        said = self._heard_so_far()
        last = [Message("assistant", said)] if said else []
        return [*self._history, *last]

    def greet(self) -> None:
        """Say the greeting, if there is one."""
        if self.how.greeting:
            self._say_aside(self.how.greeting, keep=True)

    def answer(self, text: str, language: str | None, source: str | None) -> None:
        """Answer what the visitor said; the answer before it must be over."""
        self.stop()
        self._settle()
        self._remember(Message("user", text))
        self.language = language
        self._answering = asyncio.create_task(self._answer(source))

    def stop(self) -> None:
        """Think no further."""
        if self._answering:
            self._answering.cancel()
            self._answering = None

    def over(self, utterance: Utterance) -> None:
        """An utterance has ended or was cut: keep what was heard of it."""
        if utterance in self._utterances:
            self._utterances.remove(utterance)
            said = self._spoken.text(utterance)
            self._said = " ".join(filter(None, (self._said, said)))

    async def close(self) -> None:
        if self._answering:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)

    def _heard_so_far(self) -> str:
        parts = [self._said, *map(self._spoken.text, self._utterances)]
        return " ".join(filter(None, parts))

    def _settle(self) -> None:
        """The last answer is what was heard of it."""
        if said := self._heard_so_far():
            self._remember(Message("assistant", said))
        self._utterances.clear()
        self._said = ""

    def _remember(self, message: Message) -> None:
        self._history.append(message)
        while (
            len(self._history) > 1
            and sum(len(each.text) for each in self._history) > MAX_HISTORY_CHARS
        ):
            self._history.popleft()

    async def _answer(self, source: str | None) -> None:
        """One answer, whatever becomes of it."""
        answer = _Answer(self, source)
        filler = asyncio.create_task(self._fill(answer))
        try:
            await self._speak(answer)
        except (BrainError, ApiError) as error:
            self._fail(error.code, error.message, error.retryable, source)
            await answer.apologise()
        except Exception:
            logger.exception("an answer failed")
            self._fail("brain_failed", "No answer could be made.", False, source)
            await answer.apologise()
        finally:
            filler.cancel()
            answer.end()
        await self._until_heard()
        self._answered()

    def _fail(
        self, code: str, message: str, retryable: bool, source: str | None
    ) -> None:
        self._tell(
            ErrorEvent(
                code=code,
                message=message,
                retryable=retryable,
                source_event_id=source,
            )
        )

    async def _speak(self, answer: "_Answer") -> None:
        persona = [Message("system", self.how.prompt)] if self.how.prompt else []
        asked = Asked(
            [*persona, *self._history],
            self.language or self.how.own,
            self._session_id,
            lambda called: self._tell(
                HandedOver(called=called, source_event_id=answer.source)
            ),
        )
        pieces: AsyncGenerator[str, None] = self._brain.answer(asked)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                await answer.add(piece)
        await answer.finish()

    async def _fill(self, answer: "_Answer") -> None:
        """A moment of patience is asked for, when nothing has come for a while."""
        await asyncio.sleep(FILLER_AFTER_S)
        if self.how.filler and not answer.begun:
            self._say_aside(self.phrase("filler"), keep=False)

    def say_farewell(self) -> bool:
        """Whether there is something to say."""
        if self.how.farewell:
            self._say_aside(self.how.farewell, keep=True)
        return bool(self.how.farewell)

    def warn(self, code: str, message: str) -> None:
        self._tell(Warned(code=code, message=message))

    def phrase(self, name: Phrase) -> str:
        return phrase(name, self.language or self.how.own)

    async def write(self, part: Part) -> bool:
        """Speak more of a stream; waits as long as too much waits to be spoken.

        False if the stream is over.
        """
        voice, language = self._manner(part.text)
        while True:
            try:
                utterance = self._speech.speak_stream(
                    part.stream_id,
                    part.text,
                    end=False,
                    voice=voice,
                    language=language,
                    source=part.source,
                    emotion=part.emotion,
                )
            except ApiError as error:
                if error.code == "stream_ended":
                    return False
                if error.code not in ("text_buffer_full", "queue_full"):
                    raise
                await asyncio.sleep(RETRY_ROOM_S)
                continue
            if utterance and utterance not in self._utterances:
                self._utterances.append(utterance)
            return True

    def end_stream(self, stream_id: str) -> None:
        with contextlib.suppress(ApiError):  # it may have been ended for want of words
            self._speech.speak_stream(
                stream_id, "", end=True, voice=None, language=None, source=None
            )

    def _say_aside(self, text: str, *, keep: bool) -> None:
        """keep: it belongs to what the portrait has said."""
        voice, language = self._manner(text)
        with contextlib.suppress(ApiError):
            utterance = self._speech.speak_text(
                text, voice=voice, language=language, source=None
            )
            if keep:
                self._utterances.append(utterance)

    def _manner(self, text: str) -> tuple[str | None, str | None]:
        """Voice and language for a text."""
        other = spoken_language(text, self.language, self.how.own)
        if other:
            return None, other
        return self.how.voice, None if self.how.voice else self.how.own

    async def _until_heard(self) -> None:
        """Until the answer begins to sound, or it is certain that it will not."""
        while self._speech.busy and not self._speech.sounding:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


class _Answer:
    """The words of one answer on their way to being spoken.

    begun: some of it is or will be heard.
    """

    def __init__(self, conversation: Conversation, source: str | None) -> None:
        self.begun = False
        self._conversation = conversation
        self.source = source
        self._tags = TagFilter()
        self._held = ""  # nothing in it can be spoken yet
        self._stream_id = ""
        self._emotion: Emotion | None = None  # of the stream

    async def add(self, piece: str) -> None:
        """More of it, as the brain gives it."""
        for part in self._tags.push(piece):
            await self._write(part.text, part.emotion)

    async def finish(self) -> None:
        """The brain has said all; if that is nothing, something is said for it."""
        for part in self._tags.finish():
            await self._write(part.text, part.emotion)
        if self.begun:
            return
        self._conversation.warn(
            "answer_empty", "There is nothing to say in the answer."
        )
        if not self._held.strip():  # signs alone, such as an emoji, are an answer
            await self._write(self._conversation.phrase("no_answer"), None)

    async def apologise(self) -> None:
        """In place of an answer, or of the rest of it."""
        self.end()
        await self._write(self._conversation.phrase("sorry"), "concerned")

    def end(self) -> None:
        """No more will come of this stream, or of the whole answer."""
        if self._stream_id:
            self._conversation.end_stream(self._stream_id)
        self._stream_id = ""

    async def _write(self, words: str, emotion: Emotion | None) -> None:
        if self._stream_id and emotion != self._emotion:
            # The face changes with the words: they are an utterance of their own.
            self.end()
        self._held += words
        if not self._stream_id:
            if not any(map(str.isalnum, self._held)):
                return
            self._stream_id = f"answer_{secrets.token_urlsafe(9)}"
            self._emotion = emotion
        text, self._held = self._held, ""
        self.begun = True
        part = Part(self._stream_id, text, self._emotion, self.source)
        if not await self._conversation.write(part):
            self._stream_id = ""  # it was ended for want of words: begin another
            await self._write(text, emotion)
