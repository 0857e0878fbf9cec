"""A server in a thread of its own, to be thrown rubbish at from outside."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from server.app import create_app
from server.services import Services
from server.session import Session
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving

Result = TypeVar("Result")
SETTLE_S = 10.0


@dataclass(frozen=True, eq=False)
class Fuzzed:
    """http: a client of the server. loop: the server's own."""

    live: Live
    http: httpx.Client
    loop: asyncio.AbstractEventLoop

    @property
    def services(self) -> Services:
        return self.live.services

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run it on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def new_session(self) -> str:
        """The path of a new session."""
        answer = self.http.post("/v1/sessions", json={})
        assert answer.status_code == 201, answer.text
        return f"/v1/sessions/{answer.json()['session_id']}"

    def session(self, path: str) -> Session:
        return self.services.sessions.get(path.rpartition("/")[2])

    def tasks(self) -> int:
        async def count() -> int:
            return len(asyncio.all_tasks())

        return self.run(count())

    def end_all(self) -> None:
        """Free every session; they must all go."""
        for session in self.services.sessions:
            self.loop.call_soon_threadsafe(session.close, "deleted")
        self.until(lambda: not len(self.services.sessions))

    def until(self, holds: Callable[[], bool]) -> None:
        end_s = time.monotonic() + SETTLE_S
        while not holds():
            assert time.monotonic() < end_s, "it does not settle"
            time.sleep(0.02)


@contextlib.contextmanager
def fuzzed_server(folder: Path, **changes: object) -> Iterator[Fuzzed]:
    settings = fake_settings(
        folder,
        **{
            "max_sessions": 50,
            "max_viewers": 50,
            "connect_timeout_s": 60,
            "requests_per_minute": 1_000_000,
            "commands_per_second": 1_000_000,
        }
        | changes,
    )
    app: FastAPI = create_app(settings, FAKE_PARTS)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fuzzed")
    thread.start()
    stack = contextlib.AsyncExitStack()
    try:
        entered = asyncio.run_coroutine_threadsafe(
            stack.enter_async_context(serving(app)), loop
        )
        live = entered.result(30)
        with httpx.Client(base_url=live.url, timeout=30) as http:
            yield Fuzzed(live, http, loop)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
