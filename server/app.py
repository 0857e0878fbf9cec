"""The application: its services, their order of starting, errors as JSON, the page."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from models.errors import LikenessError
from models.identity import Identity
from server import api, operations, session_api, whep
from server.auth import Gate, all_origins, check_origin
from server.engine import Engine, Models, load_models
from server.errors import ApiError, api_error
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
MAX_FORM_BYTES = 1_000_000  # of a multipart body beside the photo itself
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' "
    "blob:; object-src 'none'; base-uri 'none'; form-action 'self'",
}


@dataclass(frozen=True)
class Parts:
    """What an app is made of where it meets the models; tests bring their own.

    enrolment: the module that is run for each enrolment.
    """

    load_models: Callable[[str, int], Models] = load_models
    load_identity: Callable[[Path], Identity] = Identity.load
    open_voices: Callable[[Sequence[Path]], VoiceSource] = VoiceWorkers
    open_senses: Callable[[Settings], Senses] = open_senses
    enrolment: str = "server.enrolment"


DEFAULT_PARTS = Parts()
Answer = Callable[[Request], Awaitable[Response]]


class Pages(StaticFiles):
    """The page; asked for anew each time, so that a new release shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
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
        for task in (media, enrolling):
            task.cancel()
        await asyncio.gather(media, enrolling, return_exceptions=True)
        await services.media.close()
        await services.senses.close()
        await asyncio.to_thread(services.voices.close)


async def _warm_up(services: Services) -> None:
    """A first frame and a first voice, so that the first viewer does not wait."""
    loop = asyncio.get_running_loop()
    try:
        identity = await services.identities.load(DEFAULT_ID)
        await loop.run_in_executor(
            services.media.device, services.engine.warm_up, identity
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
            parts.load_models, settings.device, settings.torch_threads
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
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(all_origins(settings)),
        allow_methods=["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"],
        allow_headers=["authorization", "content-type", "if-match"],
        expose_headers=["location", "link", "etag", "accept-patch", "accept-post"],
    )
    app.middleware("http")(_guard(settings))
    _add_error_handlers(app)
    app.include_router(whep.router)
    app.include_router(session_api.router)
    app.include_router(api.router)
    app.include_router(operations.router)
    describe(app)
    if CLIENT_WEB.is_dir():
        app.mount("/", Pages(directory=CLIENT_WEB, html=True))
    return app


def _guard(settings: Settings) -> Callable[[Request, Answer], Awaitable[Response]]:
    """Refuse strangers' pages, floods and oversized bodies before any route runs."""

    async def guard(request: Request, call_next: Answer) -> Response:
        try:
            check_origin(request, settings)
            if request.url.path.startswith("/v1/"):
                services: Services = request.app.state.services
                services.rate.check(request.client.host if request.client else "")
            length = request.headers.get("content-length", "0")
            largest = settings.max_photo_bytes + MAX_FORM_BYTES
            if not length.isdigit() or int(length) > largest:
                raise ApiError(413, "body_too_large", "The body is too large.")
        except ApiError as error:
            return error_response(request, error)
        response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return guard


def error_response(request: Request, error: ApiError) -> JSONResponse:
    """An error as its JSON, counted."""
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    request.app.state.services.metrics.refused.labels(error.code).inc()
    return JSONResponse(
        {"code": error.code, "message": error.message}, error.status, headers
    )


_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def on_api_error(request: Request, error: ApiError) -> Response:
        return error_response(request, error)

    @app.exception_handler(LikenessError)
    async def on_likeness_error(request: Request, error: LikenessError) -> Response:
        return error_response(request, api_error(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return error_response(request, ApiError(422, "bad_request", message))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        return error_response(
            request, ApiError(error.status_code, code, str(error.detail))
        )

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        return error_response(
            request, ApiError(500, "internal", "Something went wrong on the server.")
        )
