"""What stands before every route: who may call, how much, and errors as JSON."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import LikenessError
from server.auth import all_origins, check_origin
from server.errors import ApiError, api_error
from server.page_policy import PagePolicy
from server.protocol import MAX_MESSAGE_BYTES
from server.services import Services, content_type
from server.settings import Settings

MAX_JSON_BYTES = MAX_MESSAGE_BYTES + 100_000  # a background and what is around it
MAX_FORM_BYTES = 1_000_000  # of a multipart body beside the photo itself
FORMS = "/v1/identities"  # the route that takes photos
COUNTED = ("/v1/", "/metrics")  # where keys and tokens could be guessed
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}

Answer = Callable[[Request], Awaitable[Response]]


def stand_before(app: FastAPI, settings: Settings) -> None:
    """Add all of it to an app; CORS outermost, so that refusals can be read too.

    The body's limit is innermost: what it raises must reach the route that reads, and
    the middleware of `app.middleware` would wrap it in a group.
    """
    app.add_middleware(BodyLimit, max_photo_bytes=settings.max_photo_bytes)
    app.middleware("http")(_guard(settings))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(all_origins(settings)),
        allow_methods=METHODS,
        allow_headers=["authorization", "content-type", "if-match"],
        expose_headers=[
            "location",
            "link",
            "etag",
            "accept-patch",
            "accept-post",
            "retry-after",
            "www-authenticate",
        ],
    )
    _add_error_handlers(app)


class BodyLimit:
    """Refuses a body that says it is too large, and ends the reading of any that is."""

    def __init__(self, app: ASGIApp, max_photo_bytes: int) -> None:
        self._app = app
        self._max_form_bytes = max_photo_bytes + MAX_FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_form = scope["path"] == FORMS
        limit = self._max_form_bytes if is_form else MAX_JSON_BYTES
        said = f"The body is over {limit} bytes."
        if _length(Request(scope)) > limit:
            error = ApiError(413, "body_too_large", said)
            await error_response(Request(scope), error)(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(413, said)
            return message

        await self._app(scope, counted, send)


def _length(request: Request) -> int:
    """What a body says of itself; 0 where it says nothing."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


def _guard(settings: Settings) -> Callable[[Request, Answer], Awaitable[Response]]:
    """Refuse strangers' pages and floods before any route runs."""
    policy = PagePolicy(all_origins(settings), is_open=not settings.keys)

    async def guard(request: Request, call_next: Answer) -> Response:
        try:
            if not _is_script(request):
                check_origin(request, settings)
            if request.url.path.startswith(COUNTED):
                services: Services = request.app.state.services
                services.rate.check(request.client.host if request.client else "")
        except ApiError as error:
            response: Response = error_response(request, error)
        else:
            response = await call_next(request)
        for name, value in policy.headers(request.scope).items():
            response.headers.setdefault(name, value)
        return response

    return guard


def _is_script(request: Request) -> bool:
    """Code of the client, which any page may load: it holds no secret, and what it
    calls is refused where the page may not."""
    path = request.url.path
    is_file = path.endswith(".js") and not path.startswith("/v1/")
    return is_file and request.method in ("GET", "HEAD")


def error_response(request: Request, error: ApiError) -> JSONResponse:
    """An error as its JSON, counted."""
    headers = dict(error.headers)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.code == "origin_not_allowed":
        headers["access-control-allow-origin"] = "*"  # so that the page can tell why
    request.app.state.services.metrics.refused.labels(error.code).inc()
    # What was sent may be named, and need not be encodable.
    message = error.message.encode(errors="replace").decode()
    return JSONResponse({"code": error.code, "message": message}, error.status, headers)


def _methods(request: Request) -> list[str]:
    """All that this path takes; a route alone knows only its own."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] == Match.FULL
            for route in request.app.routes
            if not isinstance(route, Mount)  # which takes whatever comes
        )
    ]


def _is_json(request: Request) -> bool:
    kind = content_type(request)
    return kind == "application/json" or kind.endswith("+json")


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def on_api_error(request: Request, error: ApiError) -> Response:
        return error_response(request, error)

    @app.exception_handler(LikenessError)
    async def on_likeness_error(request: Request, error: LikenessError) -> Response:
        return error_response(request, api_error(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        if isinstance(error.body, bytes) and not _is_json(request):
            wanted = "Send Content-Type: application/json."
            return error_response(request, ApiError(415, "wrong_content_type", wanted))
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            message = f"The body is no JSON, from character {first['loc'][-1]} on."
            return error_response(request, ApiError(422, "bad_request", message))
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return error_response(request, ApiError(422, "bad_request", message))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        told = ApiError(error.status_code, code, str(error.detail))
        told.headers = {k.lower(): v for k, v in (error.headers or {}).items()}
        if error.status_code == 405:
            told.headers["allow"] = ", ".join(_methods(request)) or "GET, HEAD"
        return error_response(request, told)

    @app.exception_handler(Exception)
    async def on_anything(request: Request, error: Exception) -> Response:
        return error_response(
            request, ApiError(500, "internal", "Something went wrong on the server.")
        )
