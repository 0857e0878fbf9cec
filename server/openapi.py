"""The description of the interface at /openapi.json, with its messages and refusals."""

from collections.abc import Sequence
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.protocol import command_types, event_types

DESCRIPTION = (
    "Live talking portraits. Sessions are made with the API key and used with their "
    "own tokens; commands and events are the same on the WebSocket "
    "`/v1/sessions/{session_id}/events`, on the data channel named `events`, and, for "
    "commands, on `POST /v1/sessions/{session_id}/commands`."
)
_MEANINGS = {
    400: "The session description or the request cannot be used.",
    401: "No key or token, or one that is wrong or has expired.",
    403: "Not allowed to this caller, or to pages of this origin.",
    404: "There is no such thing.",
    406: "The answer is of another kind than Accept names.",
    409: "Not in this state.",
    410: "The session is over.",
    412: "If-Match is not the current ETag.",
    413: "Too large.",
    415: "Another Content-Type is needed.",
    422: "What was sent is not understood, or cannot be done.",
    428: "If-Match is missing.",
    429: "Too many requests, commands or waiting utterances: see Retry-After.",
    503: "Full, draining or starting: see Retry-After.",
    507: "There is no room for one more portrait.",
}
_REF = "#/components/schemas/{model}"


class ErrorAnswer(BaseModel):
    """`code` is for programs and stays; `message` is for people."""

    code: str
    message: str


Refusals = dict[int | str, dict[str, Any]]


def refusals(*statuses: int) -> Refusals:
    """What a route may refuse with; every route may be called too often."""
    return {
        status: {"model": ErrorAnswer, "description": _MEANINGS[status]}
        for status in (*statuses, 403, 413, 429)
    }


def body_of(media_type: str) -> dict[str, Any]:
    """A request body that is text of its own kind."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {"requestBody": {"required": True, "content": content}}


def answer_of(media_type: str, description: str, *headers: str) -> dict[str, Any]:
    """An answer that is text of its own kind, with these headers."""
    return {
        "description": description,
        "content": {media_type: {"schema": {"type": "string"}}},
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
    }


def describe(app: FastAPI) -> None:
    """Let `app` describe its messages too, once for all."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
    )
    _, found = models_json_schema(
        [
            *((each, "validation") for each in command_types()),
            *((each, "serialization") for each in event_types()),
        ],
        ref_template=_REF,
    )
    components = description.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(found["$defs"])
    schemas["Command"] = _one_of(command_types())
    schemas["Event"] = _one_of(event_types())
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The API key, or a session's token (a JSON Web Token).",
        }
    }
    description["security"] = [{"bearer": []}, {}]
    return description


def _one_of(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    names = {
        get_args(each.model_fields["type"].annotation)[0]: each.__name__
        for each in models
    }
    return {
        "oneOf": [{"$ref": _REF.format(model=name)} for name in names.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind: _REF.format(model=name) for kind, name in names.items()},
        },
    }
