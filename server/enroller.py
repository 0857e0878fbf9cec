"""One enrolment: a process of its own, whose lines are followed to the end."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.order import Order
from server.store import Draft

logger = logging.getLogger(__name__)

OnProgress = Callable[[str, float], None]


@dataclass(frozen=True)
class Problem:
    """Why an enrolment failed."""

    code: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What an enrolment tells beside the files it made."""

    notes: tuple[str, ...] = ()
    refined: bool = False
    synthetic: bool = False


class EnrolmentFailed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)


@dataclass(frozen=True)
class Enroller:
    """module: what is run; see server.enrolment. refine_timeout_s: with Stable
    Diffusion, which takes minutes where there is no GPU."""

    module: str
    timeout_s: float
    refine_timeout_s: float

    async def enrol(
        self, draft: Draft, order: Order, niceness: int, on_progress: OnProgress
    ) -> Outcome:
        """Make the draft's portrait and preview; cancelling ends the process.

        Raises:
            EnrolmentFailed: no portrait can be made of this, or not in time.
        """
        try:
            refines = order.refining.will_refine
            async with asyncio.timeout(
                self.refine_timeout_s if refines else self.timeout_s
            ):
                return await self._run(draft, order, niceness, on_progress)
        except TimeoutError:
            raise EnrolmentFailed(
                "enrolment_timeout", "Making the portrait took too long: try again."
            ) from None

    async def _run(
        self, draft: Draft, order: Order, niceness: int, on_progress: OnProgress
    ) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module),
            *(str(draft.photo), str(draft.portrait), str(draft.preview)),
            *order.arguments(),
            f"--niceness={niceness}",
            cwd=Path(__file__).parent.parent,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout
        try:
            async for line in process.stdout:
                outcome = _follow(line, on_progress)
                if outcome:
                    return outcome
        except (ValueError, KeyError, TypeError):
            logger.error("the enrolment process spoke nonsense")
        finally:
            if process.returncode is None:
                try:
                    process.kill()
                except ProcessLookupError:
                    pass
            await process.wait()
        raise EnrolmentFailed(
            "enrolment_failed", "The portrait could not be made from this picture."
        )


def _follow(line: bytes, on_progress: OnProgress) -> Outcome | None:
    """Raises: EnrolmentFailed; ValueError, KeyError or TypeError: it is nonsense."""
    said = json.loads(line)
    if said["kind"] == "error":
        raise EnrolmentFailed(said["code"], said["message"])
    if said["kind"] == "done":
        return Outcome(
            tuple(said["notes"]),
            bool(said.get("refined", False)),
            bool(said.get("synthetic", False)),
        )
    on_progress(said["stage"], said["progress"])
    return None
