"""The application: its services, their order of starting, the page."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles
from starlette.routing import Match, Mount
from starlette.types import Scope

from models.errors import LikenessError
from models.identity import Identity
from server import api, operations, qr, session_api, whep
from server.auth import Gate
from server.edge import stand_before
from server.engine import Engine, Models, load_models
from server.errors import ApiError
from server.ice import IceServers
from server.identities import DEFAULT_ID, Identities
from server.media_loop import MediaLoop
from server.metrics import Metrics
from server.openapi import describe
from server.rate import RateLimit
from server.senses import Senses, open_senses
from server.services import Services
from server.sessions import Sessions
from server.settings import Settings
from server.tokens import Tokens
from server.udp_ports import PortRange
from server.voice_workers import VoiceWorkers
from server.voices import VoiceSource

logger = logging.getLogger(__name__)

CLIENT_WEB = Path(__file__).parent.parent / "client_web"


class PageMount(Mount):
    """Leaves the interface alone, so that a wrong method there is called that."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope.get("path", "").startswith("/v1/"):
            return Match.NONE, {}
        return super().matches(scope)


@dataclass(frozen=True)
class Parts:
    """What an app is made of where it meets the models; tests bring their own.

    enrolment: the module that is run for each enrolment.
    """

    load_models: Callable[[str, int, int, int], Models] = load_models
    load_identity: Callable[[Path], Identity] = Identity.load
    open_voices: Callable[[Sequence[Path]], VoiceSource] = VoiceWorkers
    open_senses: Callable[[Settings], Senses] = open_senses
    enrolment: str = "server.enrolment"


DEFAULT_PARTS = Parts()


class Pages(StaticFiles):
    """The page; asked for anew each time, so that a new release shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        if path.endswith(".js"):  # for pages of any site: see edge
            response.headers["access-control-allow-origin"] = "*"
            response.headers["cross-origin-resource-policy"] = "cross-origin"
        return response


def build_services(
    settings: Settings, parts: Parts, models: Models, senses: Senses
) -> Services:
    metrics = Metrics()
    engine = Engine(models)
    engine.prepare_thread()  # the loop's own, which makes performers
    media = MediaLoop(
        engine, settings.release_lead_ms / 1000, settings.frames_ahead, metrics
    )
    voices = parts.open_voices(
        [settings.weights / "voices", settings.data_dir / "voices"]
    )
    identities = Identities(settings, metrics, parts.load_identity, parts.enrolment)
    secret = settings.token_secret
    tokens = Tokens(secret.get_secret_value() if secret else None, settings.token_ttl_s)
    ice = IceServers(settings)
    return Services(
        settings=settings,
        metrics=metrics,
        tokens=tokens,
        ice=ice,
        gate=Gate(settings, tokens),
        rate=RateLimit(settings.requests_per_minute),
        identities=identities,
        voices=voices,
        sessions=Sessions(settings, engine, media, voices.open, ice, senses, metrics),
        senses=senses,
        media=media,
        engine=engine,
    )


@contextlib.asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Start in order, stop in reverse: sessions end before the clock does."""
    services.identities.open()
    enrolling = asyncio.create_task(services.identities.run())
    await services.identities.ensure_default()
    await _warm_up(services)
    media = asyncio.create_task(services.media.run())
    warming = asyncio.create_task(services.senses.warm_up())
    services.ready = True

    def media_ended(task: asyncio.Task[None]) -> None:
        services.ready = False
        if not task.cancelled() and task.exception():
            logger.critical("the media loop ended", exc_info=task.exception())

    media.add_done_callback(media_ended)
    try:
        yield
    finally:
        services.ready = False
        await services.sessions.close()
        for task in (media, enrolling, warming):
            task.cancel()
        await asyncio.gather(media, enrolling, warming, return_exceptions=True)
        await services.media.close()
        await services.senses.close()
        services.identities.close()
        await asyncio.to_thread(services.voices.close)


async def _warm_up(services: Services) -> None:
    """A first frame and a first voice, so that the first viewer does not wait."""
    loop = asyncio.get_running_loop()
    try:
        identity = await services.identities.load(DEFAULT_ID)
        await loop.run_in_executor(
            services.media.device.thread, services.engine.warm_up, identity
        )
    except ApiError as error:
        logger.error("the default portrait is not available: %s", error.code)
    try:
        await loop.run_in_executor(
            services.sessions.tts, services.voices.open, None, None
        )
    except LikenessError as error:
        logger.error("the default voice is not available: %s", error.message)


def _media_ports(settings: Settings) -> contextlib.AbstractContextManager[None]:
    ports = settings.port_range
    if ports is None:
        return contextlib.nullcontext()
    return PortRange(ports).serving(asyncio.get_running_loop())


def create_app(settings: Settings, parts: Parts = DEFAULT_PARTS) -> FastAPI:
    """The application; models are loaded when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        models = await asyncio.to_thread(
            parts.load_models,
            settings.device,
            settings.torch_threads,
            settings.look_ahead_ms,
            settings.puppet_look_ahead_ms,
        )
        senses = await asyncio.to_thread(parts.open_senses, settings)
        services = build_services(settings, parts, models, senses)
        app.state.services = services
        with _media_ports(settings):
            async with running(services):
                yield

    app = FastAPI(title="Likeness", lifespan=lifespan, docs_url=None, redoc_url=None)
    # No pages of documentation: they would load scripts from elsewhere. /openapi.json
    # is there for whoever wants them.
    stand_before(app, settings)
    app.include_router(whep.router)
    app.include_router(session_api.router)
    app.include_router(api.router)
    app.include_router(operations.router)
    app.include_router(qr.router)
    describe(app)
    if CLIENT_WEB.is_dir():
        pages = Pages(directory=CLIENT_WEB, html=True)
        app.router.routes.append(PageMount("/", app=pages))
    return app
