"""What an operator's machinery asks: alive, ready, and the figures."""

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from server.auth import Caller
from server.errors import ApiError
from server.openapi import refusals
from server.services import Served, Services

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    status: str = "alive"


class Readiness(BaseModel):
    """code: why no session can be made now, as POST /v1/sessions would say it."""

    ready: bool
    code: str | None = None
    sessions: int
    max_sessions: int
    draining: bool


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Alive:
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "No session can be made."}},
)
async def readyz(services: Served) -> Response:
    refusal = _refusal(services)
    readiness = Readiness(
        ready=refusal is None,
        code=refusal.code if refusal else None,
        sessions=len(services.sessions),
        max_sessions=services.settings.max_sessions,
        draining=services.sessions.draining,
    )
    if refusal is None:
        return JSONResponse(readiness.model_dump())
    wait = {"retry-after": str(refusal.retry_after_s)}
    return JSONResponse(readiness.model_dump(), refusal.status, wait)


def _refusal(services: Services) -> ApiError | None:
    try:
        services.check_ready()
        services.sessions.check_room()
    except ApiError as error:
        return error
    return None


def may_measure(request: Request, services: Served) -> Caller | None:
    """Figures tell strangers how busy a shop is."""
    if services.settings.metrics_open:
        return None
    return services.gate.check_key(request)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[Depends(may_measure)],
    responses=refusals(401),
)
async def metrics(services: Served) -> Response:
    services.sessions.measure()
    return PlainTextResponse(
        generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST
    )
