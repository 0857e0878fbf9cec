"""A language model's endpoint that behaves, or misbehaves in one of many ways."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse


def chunk(content: str | None = None, finish: str | None = None, **more: object) -> str:
    """One server-sent event of a chat completion."""
    delta = {"role": "assistant", "content": content} | more
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    return f"data: {json.dumps(body | {'choices': [choice]})}\n\n"


END = chunk(finish="stop") + "data: [DONE]\n\n"


class LlmServer:
    """behaviour: the next answers are given that way."""

    def __init__(self) -> None:
        self.behaviour = "say:Hello there. How are you?"
        self.asked: list[dict[str, Any]] = []
        self.called: list[dict[str, Any]] = []
        self.url = ""
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self._complete)
        self.app.post("/tool")(self._tool)

    async def _tool(self, request: Request) -> Response:
        self.called.append(await request.json())
        if self.behaviour == "tool-fails":
            return Response(status_code=500)
        return Response("Sunny, 25 degrees")

    async def _complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        status = {"refuse": 400, "broken": 500, "limit": 429}.get(self.behaviour)
        if status:
            return Response('{"error": {"message": "no"}}', status)
        if self.behaviour == "html":
            return Response("<html>hello</html>", media_type="text/html")
        return StreamingResponse(self._body(), media_type="text/event-stream")

    async def _body(self) -> AsyncIterator[str]:
        kind, _, text = self.behaviour.partition(":")
        if kind == "say":
            for word in text.split(" "):
                yield chunk(f"{word} ")
            yield END
        elif kind == "slow":
            for word in text.split(" "):
                await asyncio.sleep(0.05)
                yield chunk(f"{word} ")
            yield END
        elif kind == "forever":
            for number in range(100_000):
                yield chunk(f"This is sentence number {number}. ")
                await asyncio.sleep(0.001)
        elif kind == "stall":
            yield chunk("Well, ")
            await asyncio.sleep(30)
        elif kind == "comments":
            while True:
                yield ": still here\n\n"
                await asyncio.sleep(0.05)
        elif kind == "garbage":
            yield chunk("Fine so far. ")
            yield "data: {not json\n\n"
        elif kind == "wrong":
            yield 'data: {"choices": 5}\n\n'
        elif kind == "cut":
            yield chunk("I was about to ")
        elif kind == "empty":
            yield END
        elif kind.startswith("tool"):
            async for part in self._with_tool():
                yield part

    async def _with_tool(self) -> AsyncIterator[str]:
        results = [m for m in self.asked[-1]["messages"] if m["role"] == "tool"]
        if results:
            yield chunk(f"It says: {results[-1]['content']}.")
            yield END
            return
        call = {"index": 0, "id": "call_1", "type": "function"}
        named = call | {"function": {"name": "weather", "arguments": '{"pla'}}
        rest = {"index": 0, "function": {"arguments": 'ce": "Berlin"}'}}
        yield chunk(tool_calls=[named])
        yield chunk(tool_calls=[rest])
        yield chunk(finish="tool_calls") + "data: [DONE]\n\n"


@contextlib.asynccontextmanager
async def llm_serving() -> AsyncIterator[LlmServer]:
    llm = LlmServer()
    config = uvicorn.Config(
        llm.app, port=0, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 uvicorn has no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    llm.url = f"http://127.0.0.1:{port}"
    try:
        yield llm
    finally:
        server.should_exit = True
        await task
