"""How the portrait of a session looks: its emotion, its liveliness, its background."""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Callable

from models.backdrop import KEEP, Backdrop, named_backdrop, picture_backdrop
from models.backdrop import with_backdrop as composed
from models.emotion import DEFAULT_ARTICULATION, DEFAULT_EXPRESSIVITY, Emotion
from models.errors import LikenessError
from models.identity import Identity
from server.errors import ApiError, api_error
from server.lane import Lane
from server.protocol import ErrorEvent, Event, Layout, StreamLayout

logger = logging.getLogger(__name__)

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,", re.IGNORECASE)

Background = Backdrop | bytes  # a picture is still to be decoded, off the event loop


def read_background(text: str) -> Background:
    """keep, blur, green, alpha, #rrggbb, or data:image/...;base64,...; never a path.

    Raises:
        ApiError: 422, it is none of these.
    """
    match = _DATA_URL.match(text)
    if match:
        try:
            return base64.b64decode(text[match.end() :], validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(
                422, "bad_background", "The background's data URL is not base64."
            ) from None
    try:
        named = named_backdrop(text)
    except LikenessError as error:
        raise api_error(error) from error
    if named is None:
        raise ApiError(
            422,
            "unknown_background",
            "A background is keep, blur, green, alpha, a colour such as #1e90ff, or a "
            "picture as a data URL (data:image/jpeg;base64,...).",
        )
    return named


class Look:
    """Used on the event loop; backgrounds are composed in a thread."""

    def __init__(self, lane: Lane, tell: Callable[[Event], None]) -> None:
        self._lane = lane
        self._tell = tell
        self._own = lane.identity  # before its own background
        self._emotion: Emotion = "neutral"
        self._expressivity = DEFAULT_EXPRESSIVITY
        self._articulation = DEFAULT_ARTICULATION
        self._spoken: Emotion | None = None
        self._changing: asyncio.Task[None] | None = None

    def express(
        self,
        emotion: Emotion | None,
        expressivity: float | None,
        articulation: float | None = None,
    ) -> None:
        """From now on; None leaves it as it is."""
        if emotion is not None:
            self._emotion = emotion
        if expressivity is not None:
            self._expressivity = expressivity
        if articulation is not None:
            self._articulation = articulation
        if (emotion, expressivity, articulation) != (None, None, None):
            self._apply()

    def speak_with(self, emotion: Emotion | None) -> None:
        """While an utterance lasts; None is the session's own emotion again."""
        if emotion != self._spoken:
            self._spoken = emotion
            self._apply()

    def show(self, background: Background, source: str | None) -> None:
        """Change the background as soon as it is composed; the last one asked for
        wins. A picture that cannot be read is told as an error event."""
        if self._changing:
            self._changing.cancel()
        self._changing = asyncio.create_task(self._show(background, source))

    async def show_now(self, background: Background) -> None:
        """The same, awaited.

        Raises:
            ApiError: 422, the picture cannot be read.
        """
        if background is KEEP and self._lane.identity is self._own:
            return
        try:
            changed = await asyncio.to_thread(self._compose, background)
        except LikenessError as error:
            raise api_error(error) from error
        await self._lane.make_ready(changed)
        before = self.layout
        self._lane.identity = changed
        if self.layout != before:
            self._tell(self.layout_event())

    @property
    def layout(self) -> Layout:
        return "alpha_below" if self._lane.identity.transparent else "plain"

    def layout_event(self) -> StreamLayout:
        height, width = self._lane.broadcast.video_size
        return StreamLayout(layout=self.layout, width=width, height=height)

    async def close(self) -> None:
        """Leave nothing running."""
        if self._changing:
            self._changing.cancel()
            await asyncio.wait([self._changing])

    async def _show(self, background: Background, source: str | None) -> None:
        try:
            await self.show_now(background)
        except ApiError as error:
            self._tell(
                ErrorEvent(
                    code=error.code, message=error.message, source_event_id=source
                )
            )
        except Exception:
            logger.exception("a background could not be composed")
            self._tell(
                ErrorEvent(
                    code="background_failed",
                    message="This background could not be shown.",
                    source_event_id=source,
                )
            )

    def _compose(self, background: Background) -> Identity:
        if isinstance(background, bytes):
            background = picture_backdrop(background)
        return composed(self._own, background)

    def _apply(self) -> None:
        self._lane.express(
            self._spoken or self._emotion, self._expressivity, self._articulation
        )
