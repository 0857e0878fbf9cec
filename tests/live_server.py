"""A real server on a free port inside the test's own event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import uvicorn
from fastapi import FastAPI

from server.services import Services


@dataclass(frozen=True)
class Live:
    url: str
    services: Services
    http: httpx.AsyncClient


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[Live]:
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as http:
            yield Live(url, app.state.services, http)
    finally:
        server.should_exit = True
        await task
