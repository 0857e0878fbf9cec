"""A text as a QR code, so that no page needs a library or another site for it."""

import io
from typing import Annotated

import segno
from fastapi import APIRouter, Query, Response

from server.errors import ApiError
from server.openapi import refusals

router = APIRouter(prefix="/v1", tags=["operations"])

MAX_TEXT = 500  # characters; more gives modules too fine for a phone a step away
QUIET_ZONE = 4  # modules: what ISO/IEC 18004 asks for
SVG = {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}


@router.get(
    "/qr.svg",
    response_class=Response,
    responses={**refusals(422), 200: {**SVG, "description": "The code."}},
)
async def qr(
    text: Annotated[str, Query(min_length=1, max_length=MAX_TEXT)],
) -> Response:
    """For links on to a phone. Needs no key: it says only what it was given."""
    try:
        code = segno.make_qr(text, error="m")
    except ValueError:  # a lone surrogate, which no encoding has
        raise ApiError(422, "bad_request", "text: it cannot be encoded.") from None
    picture = io.BytesIO()
    code.save(
        picture, kind="svg", scale=8, border=QUIET_ZONE, dark="#000", light="#fff"
    )
    return Response(picture.getvalue(), media_type="image/svg+xml")
