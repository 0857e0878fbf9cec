"""Calls to the operator's own services: only to addresses from the settings."""

import asyncio
import json
import logging
from typing import Any

import httpx

from server.brain.brain import BrainError

logger = logging.getLogger(__name__)

TIMEOUT_S = 8.0
MAX_ANSWER_BYTES = 100_000


class Webhooks:
    """One HTTP client for all; redirects are not followed, so that no service can
    send us somewhere else."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False)

    async def post(self, url: str, body: dict[str, Any]) -> str:
        """Post JSON; returns the answer's text, up to MAX_ANSWER_BYTES.

        Raises:
            BrainError: "webhook_failed", it did not answer in time, or not with 2xx.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._client.stream("POST", url, json=body) as response:
                    if not response.is_success:
                        raise _failed(f"it answered {response.status_code}")
                    return await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise _failed(type(error).__name__) from None

    async def close(self) -> None:
        await self._client.aclose()


async def _read(response: httpx.Response) -> str:
    data = b""
    async for part in response.aiter_bytes():
        data += part
        if len(data) > MAX_ANSWER_BYTES:
            raise _failed("its answer is too long")
    return data.decode(errors="replace")


def _failed(why: str) -> BrainError:
    logger.warning("a webhook failed: %s", why)
    return BrainError("webhook_failed", "A service that is needed did not answer.")


def parsed(text: str) -> Any:
    """JSON where it is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
