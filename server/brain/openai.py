"""A language model behind any endpoint that speaks OpenAI's chat completions."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import openai

from server.brain.brain import Asked, BrainError
from server.brain.tools import Tool, ToolBox

logger = logging.getLogger(__name__)

MAX_TOOL_ROUNDS = 4  # of calls before one answer
CONNECT_S = 4.0
RETRIES = 1  # of requests that were not answered at all

PROMPT = (
    "You are the voice of a portrait that people talk to. Answer in the language of "
    "the question, in short plain sentences that sound well when spoken: no lists, no "
    "Markdown, no emoji, no addresses. If you do not know, say so. You may begin a "
    "sentence with [happy], [serious], [concerned] or [surprised] to show that on your "
    "face, and go back with [neutral]."
)


@dataclass(frozen=True)
class Endpoint:
    """stall_s: so long it may say nothing before it is given up.

    total_s: so long one answer may take; a speech of ten minutes is an answer.
    """

    url: str
    model: str
    key: str = ""
    stall_s: float = 8.0
    total_s: float = 900.0


@dataclass
class _Call:
    """A tool call as it comes in, piece by piece."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class _Reply:
    """What has come of one request. finished: its end was told, not just reached."""

    calls: dict[int, _Call] = field(default_factory=dict)
    finished: bool = False
    text: str = ""


class OpenAIBrain:
    """One client for all sessions."""

    def __init__(self, endpoint: Endpoint, tools: Sequence[Tool] = ()) -> None:
        self._endpoint = endpoint
        self._tools = ToolBox(tools)
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.url,
            api_key=endpoint.key or "none",
            timeout=openai.Timeout(endpoint.stall_s, connect=CONNECT_S),
            max_retries=RETRIES,
        )

    expects: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self._endpoint.model

    async def answer(self, asked: Asked) -> AsyncGenerator[str, None]:
        """See Brain.answer."""
        messages: list[dict[str, Any]] = [
            {"role": each.role, "content": each.text} for each in asked.messages
        ]
        if not any(each.role == "system" for each in asked.messages):
            messages.insert(0, {"role": "system", "content": PROMPT})
        for _ in range(MAX_TOOL_ROUNDS):
            reply = _Reply()
            async with contextlib.aclosing(self._stream(messages, reply)) as pieces:
                async for piece in pieces:
                    yield piece
            if not reply.calls:
                return
            messages += await self._call_tools(reply, asked)
        raise BrainError("brain_tools", "The answer needed too many services.")

    async def close(self) -> None:
        await self._client.close()
        await self._tools.close()

    async def _stream(
        self, messages: list[dict[str, Any]], reply: _Reply
    ) -> AsyncGenerator[str, None]:
        """The words of one request.

        Raises:
            BrainError: it failed, or broke off.
        """
        try:
            async with asyncio.timeout(self._endpoint.total_s):
                async with await self._request(messages) as chunks:
                    while (chunk := await self._next(chunks)) is not None:
                        piece = _take(chunk, reply)
                        if piece:
                            reply.text += piece
                            yield piece
        except BrainError:
            raise
        except Exception as error:  # a strange server makes the client raise anything
            raise _explained(error) from error
        if not reply.finished:
            raise BrainError("brain_cut_off", "The answer broke off.")

    async def _request(self, messages: list[dict[str, Any]]) -> Any:
        create: Any = self._client.chat.completions.create
        more = {"tools": self._tools.described} if self._tools.described else {}
        request = create(
            model=self._endpoint.model, messages=messages, stream=True, **more
        )
        # Each of the client's attempts has a limit of its own.
        async with asyncio.timeout(
            (1 + RETRIES) * (CONNECT_S + self._endpoint.stall_s)
        ):
            return await request

    async def _next(self, chunks: Any) -> Any:
        """The next chunk, None at the end; a server that only sends comments stalls."""
        async with asyncio.timeout(self._endpoint.stall_s):
            return await anext(aiter(chunks), None)

    async def _call_tools(self, reply: _Reply, asked: Asked) -> list[dict[str, Any]]:
        calls = [call for _, call in sorted(reply.calls.items())]
        described = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
        said = {"role": "assistant", "content": reply.text, "tool_calls": described}
        results = [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": await self._tools.call(call.name, call.arguments, asked),
            }
            for call in calls
        ]
        return [said, *results]


def _take(chunk: Any, reply: _Reply) -> str:
    """The words of a chunk; notes what else it tells."""
    if not chunk.choices:
        return ""
    choice = chunk.choices[0]
    reply.finished = reply.finished or choice.finish_reason is not None
    for part in choice.delta.tool_calls or ():
        call = reply.calls.setdefault(part.index, _Call())
        call.id = part.id or call.id
        if part.function:
            call.name += part.function.name or ""
            call.arguments += part.function.arguments or ""
    return choice.delta.content or ""


def _explained(error: Exception) -> BrainError:
    """What a user can know of it; the rest goes to the log, without what was said."""
    logger.warning("the brain failed: %s", type(error).__name__)
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return BrainError("brain_slow", "The language model did not answer in time.")
    if isinstance(error, openai.APIConnectionError):
        return BrainError("brain_unreachable", "The language model cannot be reached.")
    if isinstance(error, openai.RateLimitError):
        return BrainError("brain_busy", "The language model is busy.")
    if isinstance(error, openai.APIStatusError):
        return BrainError(
            "brain_refused",
            f"The language model refused the question ({error.status_code}).",
            retryable=error.status_code >= 500,
        )
    if isinstance(
        error, json.JSONDecodeError | ValueError | TypeError | AttributeError
    ):
        return BrainError(
            "brain_garbled", "The language model sent what cannot be understood."
        )
    return BrainError("brain_cut_off", "The answer broke off.")
