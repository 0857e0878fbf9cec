"""`python -m server`: HOST, PORT and LIKENESS_* from the environment."""

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from server.app import DEFAULT_PARTS, Parts, create_app
from server.precedence import take_precedence
from server.settings import Settings, misnamed

logger = logging.getLogger("server")

# The clock must not wait 5 ms, the default, for a thread that computes.
SWITCH_INTERVAL_S = 0.001
SHUTDOWN_S = 3  # open requests may take so long after SIGTERM


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logging(level: str, *, as_json: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if as_json else plain)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # At INFO these tell addresses of viewers, every candidate pair, and the tokens in
    # addresses; at DEBUG each message, which is what people say.
    for name in (
        *("aioice", "aiortc", "uvicorn.error", "websockets"),
        *("httpx", "httpcore", "openai", "python_multipart", "asyncio"),
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


class Server(uvicorn.Server):
    """Says where it is once it is there; after SIGTERM lets its sessions end first.

    Ctrl-C, or a second SIGTERM, stops it at once.
    """

    def __init__(self, config: uvicorn.Config, drain_s: float) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self._terminated = False
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and not self._terminated:
            self._terminated = True
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if self._terminated and self._draining is None:
            logger.info("draining")
            app: FastAPI = self.config.app  # type: ignore[assignment]
            sessions = app.state.services.sessions
            self._draining = asyncio.create_task(sessions.drain(self._drain_s))
        if self._draining and self._draining.done():
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        # What is there now stays: the collector, which stops all threads, need not
        # look through the networks and libraries again.
        gc.collect()
        gc.freeze()
        for server in self.servers if self.started else ():
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                sys.stdout.write(f"Likeness is ready: http://{shown}:{port}\n")
        sys.stdout.flush()


def said(problem: ErrorDetails) -> str:
    """What is wrong with which variable, in one line."""
    where = ".".join(str(part) for part in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    if not where:
        return what
    name = where if where in ("HOST", "PORT") else f"LIKENESS_{where.upper()}"
    return f"{name}: {what}"


def main(parts: Parts = DEFAULT_PARTS) -> int:
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"{said(problem)}\n")
        return 2
    except ValueError as error:  # a file of a secret, or JSON that is none
        sys.stderr.write(f"{error}\n")
        return 2
    set_up_logging(settings.log_level, as_json=settings.log_format == "json")
    for name in misnamed(os.environ):
        logger.warning("%s is no setting: SETTINGS.md has their names", name)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if not take_precedence(settings.niceness):
        logger.info("runs at the system's usual priority: see `make doctor`")
    config = uvicorn.Config(
        create_app(settings, parts),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=1_100_000,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = Server(config, settings.drain_s)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
