"""The messages of the control socket and the data channel: PROTOCOL.md in types.

Commands come in as JSON objects told apart by `type`; events go out the same way.
All times are milliseconds of the session's media time.
"""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.emotion import Emotion
from server.errors import ApiError

MAX_MESSAGE_BYTES = 1_000_000  # 20 s of 48 kHz speech in base64

Id = Annotated[str, Field(max_length=128)]
# keep, blur, green, alpha, #rrggbb, or a picture as a data URL
Background = Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE_BYTES)]


class Command(BaseModel):
    """Unknown fields are refused: a misspelt one must not be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Id | None = None


class SpeakText(Command):
    """Speak after all that is queued."""

    type: Literal["avatar.speak_text"]
    text: str
    voice: Id | None = None
    language: Id | None = None
    emotion: Emotion | None = None  # while this is said


class SpeakStream(Command):
    """Speak a text while it is still being written, as a language model writes it."""

    type: Literal["avatar.speak_stream"]
    stream_id: Annotated[str, Field(min_length=1, max_length=128)]
    text: str = ""
    end: bool = False  # nothing more comes
    voice: Id | None = None
    language: Id | None = None
    emotion: Emotion | None = None  # while this is said


class SpeakAudio(Command):
    """Speak with your own voice: one chunk of mono PCM16, little endian."""

    type: Literal["avatar.speak_audio"]
    stream_id: Id | None = None  # what comes for it after an interruption is dropped
    sample_rate: int = Field(ge=8_000, le=48_000)
    audio: str = ""  # base64


class SpeakEnd(Command):
    """The utterance of speak_audio is whole."""

    type: Literal["avatar.speak_end"]


class Interrupt(Command):
    """Fall silent and forget all that is queued."""

    type: Literal["avatar.interrupt"]


class Respond(Command):
    """Answer this, as if the visitor had said it."""

    type: Literal["avatar.respond"]
    text: str


class StartListening(Command):
    """Listen to the microphone."""

    type: Literal["avatar.start_listening"]
    hold: bool = False  # one turn, which ends with stop_listening and not by silence


class StopListening(Command):
    """Listen no more; what was begun is answered as it is."""

    type: Literal["avatar.stop_listening"]


class SetAvatar(Command):
    """How the portrait looks and speaks from now on; what is left out stays as it is.

    A voice or a language takes the place of both.
    """

    type: Literal["avatar.set"]
    voice: Id | None = None
    language: Id | None = None
    emotion: Emotion | None = None
    expressivity: float | None = Field(default=None, ge=0, le=1)
    articulation: float | None = Field(default=None, ge=0.5, le=1.5)
    background: Background | None = None


class KeepAlive(Command):
    """Begin the idle time-out and the token's life anew."""

    type: Literal["session.keep_alive"]


AnyCommand = Annotated[
    SpeakText
    | SpeakStream
    | SpeakAudio
    | SpeakEnd
    | Respond
    | StartListening
    | StopListening
    | Interrupt
    | SetAvatar
    | KeepAlive,
    Field(discriminator="type"),
]
_COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)


def command_types() -> tuple[type[Command], ...]:
    """Every command there is."""
    return get_args(get_args(AnyCommand)[0])


def event_types() -> tuple[type["Event"], ...]:
    """Every event there is."""
    return tuple(Event.__subclasses__())


def parse_command(data: str | bytes) -> AnyCommand:
    """One command from JSON.

    Raises:
        ApiError: 413 too large, 422 not JSON, not a known type or not its fields.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise ApiError(
            413, "message_too_large", f"A message is at most {MAX_MESSAGE_BYTES} bytes."
        )
    try:
        return _COMMAND.validate_json(data)
    except ValidationError as error:
        raise ApiError(422, "bad_message", describe(error)) from None


def describe(error: ValidationError) -> str:
    """The first thing wrong, without repeating what was said."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if "." not in str(part))
    return f"{where}: {first['msg']}" if where else first["msg"]


class Event(BaseModel):
    """What the server tells; `event_id` is set when it is sent."""

    model_config = ConfigDict(frozen=True)

    event_id: str = ""

    def to_json(self) -> str:
        return self.model_dump_json(exclude_none=True)


State = Literal["idle", "listening", "thinking", "speaking"]


class SessionState(Event):
    type: Literal["session.state"] = "session.state"
    state: State
    media_ms: int


class StreamReady(Event):
    """A viewer is connected and receives sound and picture."""

    type: Literal["stream.ready"] = "stream.ready"
    media_ms: int


Layout = Literal["plain", "alpha_below"]


class StreamLayout(Event):
    """What the pictures of the stream hold.

    alpha_below: the portrait above, its matte below as grey, in one picture of twice
    the height. width, height: of the portrait, as it was asked for; a busy machine
    sends both smaller, in the same shape.
    """

    type: Literal["stream.layout"] = "stream.layout"
    layout: Layout
    width: int
    height: int


class SpeechStarted(Event):
    type: Literal["avatar.speech_started"] = "avatar.speech_started"
    utterance_id: str
    source_event_id: str | None = None
    media_ms: int


class SpeechEnded(Event):
    type: Literal["avatar.speech_ended"] = "avatar.speech_ended"
    utterance_id: str
    source_event_id: str | None = None
    media_ms: int


class SpeechInterrupted(Event):
    """playback_ms: how much of the utterance has been heard."""

    type: Literal["avatar.speech_interrupted"] = "avatar.speech_interrupted"
    utterance_id: str
    source_event_id: str | None = None
    media_ms: int
    playback_ms: int


class HandedOver(Event):
    """The visitor wants a person; called: whether somebody was told."""

    type: Literal["avatar.handed_over"] = "avatar.handed_over"
    called: bool
    source_event_id: str | None = None


class Word(BaseModel):
    model_config = ConfigDict(frozen=True)

    text: str
    start_ms: int
    end_ms: int


class Caption(Event):
    """A clause, as it begins to sound."""

    type: Literal["avatar.caption"] = "avatar.caption"
    utterance_id: str
    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()


class HearingEvent(Event):
    """Whether the visitor can be heard, and if not, why not.

    listening: the microphone is listened to now. basic: many mistakes are made.
    """

    type: Literal["session.hearing"] = "session.hearing"
    available: bool
    listening: bool
    ear: str | None = None
    basic: bool | None = None
    code: str | None = None
    message: str | None = None


class VoiceStartedEvent(Event):
    """The visitor has begun to speak."""

    type: Literal["user.speech_started"] = "user.speech_started"
    media_ms: int


class VoiceEndedEvent(Event):
    """The visitor has ended a turn; its words follow."""

    type: Literal["user.speech_ended"] = "user.speech_ended"
    media_ms: int


class TranscriptDelta(Event):
    """All words of this turn so far, in place of those told before."""

    type: Literal["user.transcript.delta"] = "user.transcript.delta"
    text: str
    media_ms: int


class Transcribed(Event):
    """What the visitor has said or written."""

    type: Literal["user.transcript"] = "user.transcript"
    text: str
    source: Literal["voice", "text"]
    language: str | None = None
    start_ms: int
    end_ms: int


class Warned(Event):
    """deadline: when it comes to pass, as a date and time."""

    type: Literal["warning"] = "warning"
    code: str
    message: str
    deadline: str | None = None


class ErrorEvent(Event):
    type: Literal["error"] = "error"
    code: str
    message: str
    retryable: bool = False
    source_event_id: str | None = None
    utterance_id: str | None = None

    @classmethod
    def of(cls, error: ApiError, source_event_id: str | None = None) -> Self:
        return cls(
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            source_event_id=source_event_id,
        )


class PuppetMicrophone(Event):
    """Whether sound of a microphone comes, in puppet mode."""

    type: Literal["puppet.microphone"] = "puppet.microphone"
    present: bool
    media_ms: int


class PuppetDelay(Event):
    """From the microphone to the sound that leaves, without the network; jitter_ms:
    how late its packets come."""

    type: Literal["puppet.delay"] = "puppet.delay"
    delay_ms: int
    jitter_ms: int
    media_ms: int


class SessionToken(Event):
    """The answer to session.keep_alive: a token that lives on, to its sender alone."""

    type: Literal["session.token"] = "session.token"
    token: str
    expires_at: str
    expires_in_s: int


class SessionClosed(Event):
    """The last event of a session; reason is for programs."""

    type: Literal["session.closed"] = "session.closed"
    reason: str
