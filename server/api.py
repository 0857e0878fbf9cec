"""The REST routes of identities and voices."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile
from fastapi.requests import Request
from fastapi.responses import FileResponse

from models.crop import parse_size
from models.refine import STRENGTH
from models.refining import check_prompt
from server.errors import ApiError
from server.identities import DEFAULT_ID, Record
from server.openapi import refusals
from server.order import Framing, Order, read_consent, read_name
from server.refining import refining_of
from server.services import Served, content_type, need_key

router = APIRouter(prefix="/v1")
KEYED = [Depends(need_key)]
MAX_LISTED = 1_000  # identities in one answer


@router.get("/voices", dependencies=KEYED, responses=refusals(401), tags=["voices"])
async def voices(services: Served) -> dict[str, Any]:
    known = await asyncio.to_thread(services.voices.list)
    default = await asyncio.to_thread(services.voices.open, None, None)
    return {"default": default.info.id, "voices": [asdict(each) for each in known]}


@router.post(
    "/identities",
    status_code=202,
    dependencies=KEYED,
    responses={
        **refusals(401, 415, 422, 503, 507),
        200: {"description": "It was made from this photo before."},
    },
    tags=["identities"],
)
async def add_identity(
    request: Request,
    services: Served,
    response: Response,
    photo: Annotated[UploadFile | None, File()] = None,
    name: Annotated[str, Form()] = "",
    consent: Annotated[str, Form()] = "",
    consent_by: Annotated[str, Form()] = "",
    face: Annotated[int | None, Form(ge=1, le=100)] = None,
    size: Annotated[str, Form(max_length=20)] = "512",
    prompt: Annotated[str, Form()] = "",
    seed: Annotated[int, Form()] = 0,
    strength: Annotated[float, Form()] = STRENGTH,
    refine: Annotated[Literal["auto", "on", "off"], Form()] = "auto",
    background: Annotated[Literal["keep", "plain"], Form()] = "keep",
) -> dict[str, Any]:
    _need_form(request)
    settings = services.settings
    framing = Framing(face, parse_size(size))
    refining = refining_of(
        settings,
        mode=refine,
        prompt=prompt.strip(),
        seed=seed,
        strength=strength,
        background=background,
    )
    if photo is None:
        check_prompt(refining)
        order = Order(b"", read_name(name), framing, None, "prompt", refining)
    else:
        agreed = read_consent(consent, consent_by)
        data = await _read(photo, settings.max_photo_bytes)
        order = Order(data, read_name(name), framing, agreed, "photo", refining)
    record = await services.identities.add(order)
    if record.status == "ready":
        response.status_code = 200  # it was made before
    return _identity(record)


def _need_form(request: Request) -> None:
    """Of another kind than a form, all that was sent would be passed over."""
    kind = content_type(request)
    if kind not in ("", "multipart/form-data", "application/x-www-form-urlencoded"):
        raise ApiError(
            415, "wrong_content_type", "Send Content-Type: multipart/form-data."
        )


async def _read(photo: UploadFile, limit: int) -> bytes:
    data = await photo.read(limit + 1)
    if len(data) > limit:
        raise ApiError(
            413, "photo_too_large", f"A photo is at most {limit // 1_000_000} MB."
        )
    return data


@router.get(
    "/identities",
    dependencies=KEYED,
    responses=refusals(401, 404, 422),
    tags=["identities"],
)
async def list_identities(
    services: Served,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
    after: Annotated[str, Query(max_length=128)] = "",
) -> dict[str, Any]:
    records = list(services.identities)
    if after:
        services.identities.get(after)
        ids = [each.identity_id for each in records]
        records = records[ids.index(after) + 1 :]
    more = len(records) > limit
    page = [_identity(each) for each in records[:limit]]
    return {"identities": page, "next": page[-1]["identity_id"] if more else None}


@router.get(
    "/identities/{identity_id}",
    dependencies=KEYED,
    responses=refusals(401, 404),
    tags=["identities"],
)
async def get_identity(identity_id: str, services: Served) -> dict[str, Any]:
    return _identity(services.identities.get(identity_id))


@router.get(
    "/identities/{identity_id}/preview.png",
    response_class=FileResponse,
    responses={
        **refusals(404),
        200: {"content": {"image/png": {}}, "description": "The portrait."},
    },
    tags=["identities"],
)
async def preview(identity_id: str, services: Served) -> FileResponse:
    # Open to whoever knows the id, so that <img> can show it; ids cannot be guessed.
    path = services.identities.preview(identity_id)
    age = 60 if identity_id == DEFAULT_ID else 86_400
    return FileResponse(
        path,
        media_type="image/png",
        headers={"cache-control": f"private, max-age={age}"},
    )


@router.delete(
    "/identities/{identity_id}",
    status_code=204,
    dependencies=KEYED,
    responses=refusals(401, 404, 409),
    tags=["identities"],
)
async def delete_identity(identity_id: str, services: Served) -> Response:
    await services.identities.delete(identity_id)
    return Response(status_code=204)


def _identity(record: Record) -> dict[str, Any]:
    ready = record.status == "ready"
    url = f"/v1/identities/{record.identity_id}/preview.png"
    known = asdict(record)
    card: dict[str, Any] = known.pop("card")
    del card["content"]  # so that nobody learns whose photo it is by trying photos
    return card | {
        **known,
        "identity_id": record.identity_id,
        "preview_url": url if ready else None,
    }
