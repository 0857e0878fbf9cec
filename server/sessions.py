"""All sessions: their number, their slots, and their end."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from models.identity import Identity
from models.media import PLAYOUT_RATE_HZ
from models.tts.voice import USUAL, Manner, Voice
from server.broadcast import Broadcast, VideoFormat
from server.engine import Engine
from server.errors import ApiError
from server.ice import IceServers
from server.lane import Lane
from server.limits import Limits
from server.media_loop import MediaLoop
from server.metrics import Metrics
from server.persona import Converse
from server.pipeline import Speech
from server.playout import PlayoutBuffer
from server.protocol import Event, Warned
from server.senses import Senses
from server.session import Session
from server.settings import Settings

logger = logging.getLogger(__name__)

OpenInManner = Callable[[str | None, str | None, Manner], Voice]

ENDING_S = 3  # a session has so long to free what it holds
REMEMBERED_GONE = 1_000  # session ids that are told 410 instead of 404


class Sessions:
    """Slots are taken before anything is awaited, and given back in one place."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        loop: MediaLoop,
        open_voice: OpenInManner,
        ice: IceServers,
        senses: Senses,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._loop = loop
        self._open_voice = open_voice
        self._ice = ice
        self._senses = senses
        self._metrics = metrics
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.draining = False
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._tts = ThreadPoolExecutor(
            min(settings.max_sessions, 8), thread_name_prefix="tts"
        )

    @property
    def tts(self) -> ThreadPoolExecutor:
        """Where voices are opened and speak."""
        return self._tts

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session:
        """A live session.

        Raises:
            ApiError: 410 it is over, 404 it never was.
        """
        session = self._sessions.get(session_id)
        if session and not session.over:
            return session
        if session or session_id in self._gone:
            raise ApiError(410, "session_gone", "The session is over: make a new one.")
        raise ApiError(404, "session_unknown", "There is no such session.")

    def gone(self, session_id: str) -> bool:
        """Whether there was such a session and it is over."""
        session = self._sessions.get(session_id)
        return session.over if session else session_id in self._gone

    def check_room(self) -> None:
        """Whether one more session may be made.

        Raises:
            ApiError: 503, all slots are taken, the machine is too slow for more, or the
                server is about to stop.
        """
        if self.draining:
            raise ApiError(
                503, "draining", "The server is about to stop.", retry_after_s=10
            )
        if len(self._sessions) >= self._settings.max_sessions:
            raise ApiError(
                503,
                "server_full",
                f"All {self._settings.max_sessions} sessions are in use: "
                "try again in a moment.",
                retry_after_s=5,
            )
        if not self._loop.admits:
            raise ApiError(
                503,
                "server_overloaded",
                "The machine is too busy for one more session: try again in a moment.",
                retry_after_s=10,
            )

    def create(
        self,
        owner: str,
        identity_id: str,
        identity: Identity,
        how: Converse,
        video: tuple[int, int],
        limits: Limits,
        manner: Manner = USUAL,
        mark: str = "",
    ) -> Session:
        """Take a slot and start a session; never waits. mark: shown in the picture.

        Raises:
            ApiError: 503, all slots are taken or the machine is too slow for more.
        """
        self.check_room()
        lane = self._lane(identity, video, mark, live=how.mode == "puppet")
        session = Session(
            owner,
            identity_id,
            lane,
            self._speech((how.voice, how.language), manner),
            self._senses,
            how,
            limits,
            self._ice.for_peer,
            self._metrics,
        )
        lane.on_released = session.narration.on_released
        lane.tell = session.tell
        self._sessions[session.session_id] = session
        self._tasks[session.session_id] = asyncio.create_task(self._live(session))
        return session

    async def drain(self, wait_s: float) -> None:
        """Make no more sessions; end those that there are when their time is up.

        wait_s: so long may they go on; all know it.
        """
        self.draining = True
        end = datetime.now(UTC) + timedelta(seconds=wait_s)
        warning = Warned(
            code="draining",
            message="The server is about to stop.",
            deadline=end.isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        for session in self:
            session.tell(warning)
        await self._ended(wait_s)
        await self._end()

    async def close(self) -> None:
        """End all sessions and wait for them."""
        await self._end()
        self._tts.shutdown(wait=False, cancel_futures=True)

    async def _end(self) -> None:
        for session in self:
            session.close("server_stopped")
        await self._ended(ENDING_S)

    async def _ended(self, within_s: float) -> None:
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=within_s)

    def measure(self) -> None:
        """Bring the gauges of what waits up to date."""
        lanes = [each.lane for each in self]
        samples = sum(each.playout.pending_samples for each in lanes)
        pictures = sum(len(each.drawn) + len(each.ready) for each in lanes)
        queued = sum(each.speech.queued for each in self)
        self._metrics.queued_utterances.set(queued)
        self._metrics.queued_audio_s.set(samples / PLAYOUT_RATE_HZ)
        self._metrics.queued_pictures.set(pictures)

    async def _live(self, session: Session) -> None:
        self._loop.join(session.lane)
        self._metrics.sessions.inc()
        self._metrics.sessions_begun.inc()
        logger.info("session %s began", session.session_id)
        reason = "failed"
        try:
            reason = await session.run()
        finally:
            self._loop.leave(session.lane)
            self._metrics.sessions.dec()
            self._metrics.sessions_closed.labels(reason).inc()
            del self._sessions[session.session_id]
            del self._tasks[session.session_id]
            self._gone[session.session_id] = None
            if len(self._gone) > REMEMBERED_GONE:
                self._gone.popitem(last=False)
            logger.info("session %s ended: %s", session.session_id, reason)

    def _lane(
        self, identity: Identity, video: tuple[int, int], mark: str, *, live: bool
    ) -> Lane:
        settings = self._settings
        form = VideoFormat(
            *video,
            settings.video_bitrate_bps,
            settings.min_video_bitrate_bps,
            settings.max_video_bitrate_bps,
            mark,
        )
        seed = secrets.randbits(31)
        return Lane(
            PlayoutBuffer(),
            self._engine.performer(seed, live=live),
            identity,
            Broadcast(form, settings.audio_bitrate_bps),
            on_released=lambda released: None,
            make_ready=lambda each: self._loop.ready(each, (video[1], video[0])),
            delay_frames=self._engine.delay_frames(live=live),
            live=live,
            seed=seed,
        )

    def _speech(
        self, voice: tuple[str | None, str | None], manner: Manner
    ) -> Callable[[PlayoutBuffer, Callable[[Event], None]], Speech]:
        def open_voice(voice_id: str | None, language: str | None) -> Voice:
            own = (voice_id, language) if voice_id or language else voice
            return self._open_voice(*own, manner)

        def make(playout: PlayoutBuffer, tell: Callable[[Event], None]) -> Speech:
            return Speech(
                playout,
                open_voice,
                self._tts,
                tell,
                max_queued=self._settings.max_queued_utterances,
            )

        return make
