"""Tools of a language model: functions that are the operator's own web services.

A file of JSON lists them: [{"name": ..., "description": ..., "parameters": {JSON
schema}, "url": ...}]. A call is POSTed as {"name", "arguments", "session_id"}; whatever
comes back is the function's result. The one named hand_over calls a person.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError

from server.brain.brain import Asked, BrainError
from server.brain.knowledge import KnowledgeError
from server.brain.webhook import Webhooks, parsed

HAND_OVER = "hand_over"


class Tool(BaseModel):
    """One function a model may call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[A-Za-z0-9_-]{1,64}$")
    description: str
    parameters: dict[str, Any] = Field(default={"type": "object", "properties": {}})
    url: HttpUrl


def read_tools(path: Path) -> tuple[Tool, ...]:
    """Raises:
    KnowledgeError: the file is missing, or not what it must be; says where.
    """
    try:
        return tuple(TypeAdapter(list[Tool]).validate_json(path.read_bytes()))
    except OSError:
        raise KnowledgeError(f"The file of tools {path} cannot be read.") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise KnowledgeError(f"{path}: {where}: {first['msg']}") from None


class ToolBox:
    """Calls tools; a tool that fails is told to the model, which may do without it."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._webhooks = Webhooks()

    @property
    def described(self) -> list[dict[str, Any]]:
        """As chat completions want them."""
        return [
            {
                "type": "function",
                "function": tool.model_dump(
                    include={"name", "description", "parameters"}
                ),
            }
            for tool in self._tools.values()
        ]

    async def call(self, name: str, arguments: str, asked: Asked) -> str:
        tool = self._tools.get(name)
        if tool is None:
            return json.dumps({"error": "there is no such function"})
        body = {
            "name": name,
            "arguments": parsed(arguments or "{}"),
            "session_id": asked.session_id,
        }
        try:
            result = await self._webhooks.post(str(tool.url), body)
        except BrainError as error:
            result = json.dumps({"error": error.message})
            called = False
        else:
            called = True
        if name == HAND_OVER:
            asked.handed_over(called)
        return result

    async def close(self) -> None:
        await self._webhooks.close()
