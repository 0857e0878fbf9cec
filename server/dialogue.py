"""One session's side of the talk: its turns, its hearing, its conversation."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from models.errors import EarError
from models.media import FloatArray
from models.stt.ear import Heard
from models.stt.stop_words import asks_to_stop
from server.conversation import Conversation
from server.errors import ApiError, api_error
from server.hearing import Hearing
from server.lane import Lane
from server.look import Look
from server.metrics import Metrics
from server.microphone import MicPacket
from server.persona import Converse
from server.pipeline import Speech
from server.playout import Captioned, Utterance, to_ms
from server.protocol import (
    ErrorEvent,
    Event,
    HearingEvent,
    SessionState,
    SpeechInterrupted,
    Transcribed,
    TranscriptDelta,
    VoiceEndedEvent,
    VoiceStartedEvent,
)
from server.puppet import Puppet, Speaker
from server.senses import Senses
from server.silence import Silence
from server.spoken import Line, Spoken
from server.turn import (
    Answer,
    AnswerEnded,
    Asked,
    Happening,
    Interrupted,
    SoundBegan,
    SoundEnded,
    State,
    Turn,
    VoiceBegan,
    VoiceEnded,
)


class Dialogue:
    """Runs from `run` until it is cancelled.

    In lite mode there is neither hearing nor conversation: somebody else's agent talks.
    Nor are there in puppet mode: the visitor's voice is the portrait's.
    """

    def __init__(
        self,
        session_id: str,
        how: Converse,
        senses: Senses,
        lane: Lane,
        speech: Speech,
        look: Look,
        tell: Callable[[Event], None],
        end: Callable[[str], None],
        touch: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        """end: called with "silence" when nobody has said anything for too long.

        touch: called when the visitor speaks, who uses the session by that.
        """
        self.how = how
        self.spoken = Spoken(keep=how.keep_transcript)
        self._senses = senses
        self._lane = lane
        self._speech = speech
        self._look = look
        self._tell = tell
        self._touch = touch
        self._turn = Turn()
        self._told: State = "idle"
        self._silence = Silence(
            how.silence_s, self._busy, self._say_farewell, lambda: end("silence")
        )
        self._turn_ms = (0, 0)  # media time of the visitor's last turn
        self._cut_off = False  # that turn cut the portrait off
        self._why_deaf: EarError | None = None
        self._language: str | None = None  # of what is answered next
        self._source: str | None = None
        self.conversation = Conversation(
            session_id,
            senses.brain,
            speech,
            self.spoken,
            how,
            tell,
            lambda: self.happened(AnswerEnded()),
        )
        self.hearing = Hearing(self, senses.voice_activity, senses.hearing)
        self.puppet: Puppet | None = None
        if how.mode == "puppet":
            self.puppet = lane.playout.live = Puppet(
                lane.playout,
                lane.delay_frames,
                senses.voice_activity,
                tell,
                metrics,
                on=how.interactivity == "open_mic",
            )
        self._choose_ear()
        if how.interactivity == "open_mic" and self.hearing.ear:
            self.hearing.start(held=False)

    @property
    def state(self) -> State:
        return self._turn.state

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.hearing.run())
                tasks.create_task(self._silence.run())
                if self.puppet:
                    tasks.create_task(self.puppet.run())
        finally:
            await self.conversation.close()

    def happened(self, happening: Happening, at: int | None = None) -> None:
        """Something did: do what follows from it, and tell a new state.

        at: the sample of media time at which it did; None is now.
        """
        self._silence.broken()
        if isinstance(happening, VoiceBegan | Asked):
            self._silence.visitor_stays()
        self._turn, deeds = self._turn.after(happening)
        for deed in deeds:
            if isinstance(deed, Answer):
                self._answer(deed.text)
            else:
                self._hush()
        if self.state != self._told:
            self._told = self.state
            self._lane.posture = self.state
            self._tell(self.state_event(at))

    def state_event(self, at: int | None = None) -> SessionState:
        now = self._lane.playout.media_samples
        return SessionState(state=self.state, media_ms=to_ms(now if at is None else at))

    def standing(self) -> list[Event]:
        """What whoever comes has to know."""
        own = self.puppet.standing() if self.puppet else []
        return [self.state_event(), self.hearing_event(), *own]

    def hearing_event(self) -> HearingEvent:
        """Whether it listens, with which ear, and if not, why not."""
        if self.puppet:
            return HearingEvent(available=True, listening=self.puppet.on)
        ear = self.hearing.ear
        return HearingEvent(
            available=ear is not None,
            listening=self.hearing.on,
            ear=ear.info.name if ear else None,
            basic=ear.info.basic if ear else None,
            code=self._why_deaf.code if self._why_deaf else None,
            message=self._why_deaf.message if self._why_deaf else None,
        )

    # Commands.

    def respond(self, text: str, source: str | None) -> None:
        """Answer a question that came in writing.

        Raises:
            ApiError: there is no question, or no brain in this mode.
        """
        self._refuse_without_mind("avatar.respond")
        if not text.strip():
            raise ApiError(422, "text_empty", "There is nothing to answer.")
        self._language, self._source = None, source
        now_ms = self._now_ms
        self._transcribe(text, None, "text", (now_ms, now_ms))
        self.happened(Asked(text))

    def start_listening(self, *, held: bool) -> None:
        """A puppet's microphone is its voice from now on.

        Raises:
            ApiError: there is no ear for the language, or none in lite mode.
        """
        if self.puppet:
            self.puppet.on = True
            self._tell(self.hearing_event())
            return
        self._refuse_without_mind("avatar.start_listening")
        if self._why_deaf:
            raise api_error(self._why_deaf)
        self.hearing.start(held=held)
        self._tell(self.hearing_event())

    def stop_listening(self) -> None:
        self.hearing.stop()
        if self.puppet:
            self.puppet.mute()
        self._tell(self.hearing_event())

    def interrupt(self) -> None:
        """Barge-in: silence within 20 ms, and everything queued forgotten."""
        self.happened(Interrupted())

    def speak_as(self, voice: str | None, language: str | None, own: str) -> None:
        """From now on; own: the language of the voice."""
        self.how = replace(self.how, voice=voice, language=language, own=own)
        self.conversation.how = self.how
        self._choose_ear()
        self._tell(self.hearing_event())

    # What the playout tells.

    def greet(self) -> None:
        """Somebody has come."""
        self._silence.broken()
        if not self.puppet:
            self.conversation.greet()

    def sound_began(self, at: int) -> None:
        if self.puppet:
            self._touch()
        self.happened(SoundBegan(), at)

    def captioned(self, event: Captioned) -> None:
        self.spoken.captioned(event.utterance, event.mark, event.offset)

    def utterance_over(self, utterance: Utterance) -> None:
        self.conversation.over(utterance)
        self.spoken.forget(utterance)

    def sound_ended(self, at: int) -> None:
        self.happened(SoundEnded(), at)

    def microphone(self, samples: FloatArray) -> None:
        """float32 [n] at 48 kHz."""
        self.hearing.push(samples)

    @property
    def packets(self) -> Callable[[Speaker, MicPacket], None] | None:
        """Who wants a microphone packet by packet."""
        return self.puppet.receive if self.puppet else None

    # What the hearing tells.

    @property
    def guarded(self) -> bool:
        return self._turn.sounding or self._turn.thinking

    def voice_suspected(self, suspected: bool) -> None:
        """Its own voice gives way at once; whether it stops, the next moments tell."""
        self._lane.playout.lowered = suspected

    def voice_began(self, ago_ms: int) -> None:
        self._touch()
        start_ms = max(0, self._now_ms - ago_ms)
        self._turn_ms = (start_ms, start_ms)
        self._cut_off = self.guarded
        self._tell(VoiceStartedEvent(media_ms=start_ms))
        self.happened(VoiceBegan())

    def words_so_far(self, text: str) -> None:
        self._tell(TranscriptDelta(text=text, media_ms=self._now_ms))

    def voice_ended(self, ago_ms: int) -> None:
        end_ms = max(self._turn_ms[0], self._now_ms - ago_ms)
        self._turn_ms = (self._turn_ms[0], end_ms)
        self._tell(VoiceEndedEvent(media_ms=end_ms))

    def understood(self, heard: Heard) -> None:
        self._language, self._source = heard.language, None
        if heard.text.strip():
            self._transcribe(heard.text, heard.language, "voice", self._turn_ms)
        done = self._cut_off and asks_to_stop(heard.text)  # it has stopped: no answer
        self.happened(VoiceEnded("" if done else heard.text))

    def ear_failed(self, error: EarError) -> None:
        self._tell(ErrorEvent(code=error.code, message=error.message, retryable=True))

    @property
    def _now_ms(self) -> int:
        return to_ms(self._lane.playout.media_samples)

    def _choose_ear(self) -> None:
        """By the visitor's language; an ear that can finds it out if none is named."""
        self._why_deaf = None
        self.hearing.ear = None
        if self.how.mode != "full":
            return
        try:
            ear = self._senses.ear(self.how.language or self.how.own)
        except EarError as error:
            self._why_deaf = error
            self.hearing.stop()
            return
        detect = ear.info.detects and self.how.language is None
        self.hearing.ear = ear
        self.hearing.language = None if detect else self.how.language or self.how.own

    def refuse_sound(self, what: str) -> None:
        """Raises:
        ApiError: a puppet speaks with its visitor's voice alone.
        """
        if self.puppet:
            raise ApiError(
                409,
                "mode_puppet",
                f"{what} is not for a session of mode puppet: its voice is the "
                "microphone of the offer. Send avatar.speak_text, or make a session of "
                "mode full or lite.",
            )

    def _refuse_without_mind(self, what: str) -> None:
        if self.puppet:
            raise ApiError(
                409,
                "mode_puppet",
                f"{what} is not for a session of mode puppet, which does not think. "
                "Send avatar.speak_text, or make a session of mode full.",
            )
        if self.how.mode == "lite":
            raise ApiError(
                409,
                "mode_lite",
                f"{what} is not for a session of mode lite: its own agent listens and "
                "thinks. Send avatar.speak_audio, or make a session of mode full.",
            )

    def _transcribe(
        self, text: str, language: str | None, source: str, times_ms: tuple[int, int]
    ) -> None:
        start_ms, end_ms = times_ms
        self.spoken.add(Line("visitor", text, start_ms, end_ms))
        self._tell(
            Transcribed(
                text=text,
                language=language,
                source="voice" if source == "voice" else "text",
                start_ms=start_ms,
                end_ms=end_ms,
            )
        )

    def _answer(self, text: str) -> None:
        self.conversation.answer(text, self._language, self._source)

    def _hush(self) -> None:
        self.conversation.stop()
        self._look.speak_with(None)
        for each in self._speech.interrupt():
            self.utterance_over(each.utterance)
            self._tell(
                SpeechInterrupted(
                    utterance_id=each.utterance.utterance_id,
                    source_event_id=each.utterance.source_event_id,
                    media_ms=to_ms(each.media_sample),
                    playback_ms=to_ms(each.played_samples),
                )
            )

    def _busy(self) -> bool:
        return self.state != "idle" or self._speech.busy

    def _say_farewell(self) -> None:
        if not self.puppet:
            self.conversation.say_farewell()
