"""What the routes of sessions take and give, as JSON."""

from typing import Literal, Self

from aiortc import RTCIceServer
from pydantic import BaseModel, ConfigDict, Field

from models.disclosure import STATEMENT, Disclosure
from models.identity import Identity
from models.tts.voice import FASTEST, LONGEST_SILENCE_S, SLOWEST, Manner
from server.identities import DEFAULT_ID
from server.offer import MAX_SDP_BYTES
from server.persona import Interactivity, Mode, Persona
from server.protocol import Background, Layout, State
from server.session import Session
from server.tokens import Grant, Scope

DEFAULT_SIDE = 512  # of the video of a square portrait, pixels


class Video(BaseModel):
    """Scaled from the portrait's own size; of another shape, its middle.

    Without a width or a height the video has the portrait's shape.
    """

    model_config = ConfigDict(extra="forbid")

    width: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    height: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    background: Background = "keep"
    mark: bool = False  # a visible one, in the language of the session's voice

    def size_for(self, identity: Identity) -> tuple[int, int]:
        """Width and height, in pixels."""
        high, wide = identity.size
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, _even(self.width * high / wide)
        if self.height:
            return _even(self.height * wide / high), self.height
        return (DEFAULT_SIDE, DEFAULT_SIDE) if wide == high else (wide, high)


def _even(pixels: float) -> int:
    return min(max(2 * round(pixels / 2), 128), 1280)


class NewSession(BaseModel):
    model_config = ConfigDict(extra="forbid")

    identity: str = Field(default=DEFAULT_ID, max_length=128)
    voice: str | None = Field(default=None, max_length=128)
    language: str | None = Field(default=None, max_length=128)
    video: Video = Video()
    max_duration_s: float | None = Field(default=None, gt=0)
    idle_timeout_s: float | None = Field(default=None, gt=0)
    mode: Mode = "full"
    interactivity: Interactivity = "open_mic"
    persona: Persona = Persona()
    keep_transcript: bool = False
    speed: float = Field(default=1, ge=SLOWEST, le=FASTEST)
    sentence_silence_ms: int | None = Field(
        default=None, ge=0, le=int(LONGEST_SILENCE_S * 1000)
    )

    @property
    def manner(self) -> Manner:
        silence_ms = self.sentence_silence_ms
        return Manner(self.speed, None if silence_ms is None else silence_ms / 1000)


class Offer(BaseModel):
    """viewer_id: an offer takes the place of the last one with the same."""

    sdp: str = Field(max_length=MAX_SDP_BYTES)
    type: str = Field(default="offer", pattern="^offer$")
    viewer_id: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{1,64}$")


class Answer(BaseModel):
    sdp: str
    type: str = "answer"


class NewToken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scope: Scope = "view"


class IceServer(BaseModel):
    """As RTCPeerConnection takes them."""

    urls: str
    username: str | None = None
    credential: str | None = None

    @classmethod
    def of(cls, server: RTCIceServer) -> Self:
        return cls(
            urls=str(server.urls),
            username=server.username,
            credential=server.credential,
        )


class TokenAnswer(BaseModel):
    """embed_url: the page as one more viewer, with this token."""

    session_id: str
    token: str
    scope: Scope
    expires_at: str
    expires_in_s: int
    embed_url: str
    ice_servers: list[IceServer]


class HearingInfo(BaseModel):
    """As the event session.hearing."""

    available: bool
    listening: bool
    ear: str | None = None
    basic: bool | None = None
    code: str | None = None
    message: str | None = None


class TranscriptLine(BaseModel):
    """Times in milliseconds of media time."""

    speaker: Literal["visitor", "portrait"]
    text: str
    start_ms: int
    end_ms: int


class Transcript(BaseModel):
    lines: list[TranscriptLine]


class AiDisclosure(BaseModel):
    """That what is seen and heard is AI-generated, for whoever shows it on.

    digital_source_type: of IPTC's NewsCodes. visible_mark: what the picture says.
    """

    ai_generated: Literal[True] = True
    statement: str = STATEMENT
    digital_source_type: str
    synthetic_identity: bool
    visible_mark: str | None

    @classmethod
    def of(cls, session: Session) -> Self:
        synthetic = session.lane.identity.synthetic
        return cls(
            digital_source_type=Disclosure(synthetic).source_uri,
            synthetic_identity=synthetic,
            visible_mark=session.broadcast.mark or None,
        )


class SessionCreated(BaseModel):
    """view_url: as embed_url, for those who may watch and not speak.

    layout: as the event stream.layout.
    """

    session_id: str
    token: str
    expires_at: str
    expires_in_s: int
    identity: str
    whep_url: str
    offer_url: str
    ws_url: str
    embed_url: str
    view_url: str
    ice_servers: list[IceServer]
    hearing: HearingInfo
    layout: Layout
    ai_disclosure: AiDisclosure


class SessionInfo(BaseModel):
    session_id: str
    state: State
    identity: str
    viewers: int
    media_ms: int
    queued_utterances: int
    layout: Layout
    ai_disclosure: AiDisclosure


class OwnSessionInfo(SessionInfo):
    """With what the caller itself needs: what it may do, and how to connect."""

    scope: Scope
    ice_servers: list[IceServer]


class SessionList(BaseModel):
    sessions: list[SessionInfo]
    max_sessions: int


class Accepted(BaseModel):
    event_id: str | None


def iso(grant: Grant) -> str:
    return grant.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")


def embed_url(session_id: str, token: str) -> str:
    # A fragment never leaves the browser.
    return f"/talk.html?session={session_id}#token={token}"
