"""The kiosk page under failures: `python -m scripts.soak_kiosk --minutes 30`.

Visits one after another, in a real Chromium with a real server. In each the server is
killed and started again, or the network is cut for 20 s, or the picture freezes, and it
is noted how long after the failure's end the portrait speaks again: pictures move, the
voice is loud. (A frozen picture does not end by itself: counted from its beginning.)
After each visit the page must be as it was before: no session, no more heap after
garbage collection, no more nodes and listeners. Exit status 1 if it is not so.
"""

import argparse
import itertools
import random
import socket
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from scripts.browser_viewer import ARGUMENTS, CHROMIUM
from scripts.faulty_network import INIT_SCRIPT, FaultyNetwork
from scripts.live_client import http
from scripts.live_process import ServerProcess

BACK_S = 10.0  # within this it has to speak again
CUT_S = 20.0
GIVE_UP_S = 60.0
POLL_S = 0.1
TAP_AGAIN_S = 4.0  # a visitor who gets no answer touches the question again
# A loud word in POLL_S has some 1e-3 of this (W3C webrtc-stats, totalAudioEnergy).
LOUD = 1e-5
PLAYED_FOR = 3  # polls in a row that have to be loud, with moving pictures
# Compiled code and caches come and go; a leak of one visit a minute is far more.
MOST_HEAP_MIB = 1.5
MOST_NODES = 30
MOST_LISTENERS = 15
QUERY = "presence=off&languages=en&idle_s=25&warn_s=3&farewell_s=6"
# The question, or where the kiosk has given the visit up, the button that begins one.
TAP = """document.querySelector(document.body.dataset.state === "attract"
  ? ".start" : ".choice:nth-child(2)")?.click()"""
SAMPLE = """async () => ({ ...await played(), at: performance.now() / 1000,
  state: document.body.dataset.state, phase: document.body.dataset.phase,
  speaking: "speaking" in document.body.dataset })"""


@dataclass(frozen=True)
class Rest:
    """What the page holds while nobody is there."""

    heap_mib: float
    nodes: int
    listeners: int
    sessions: int


@dataclass(frozen=True)
class Visit:
    """greeted_s: from the touch to the first words. back_s: from the failure's end to
    the next ones; nan where it did not come back. away_s: without, in all."""

    fault: str
    greeted_s: float
    back_s: float
    away_s: float
    rest: Rest


@dataclass(frozen=True)
class Stage:
    """All that a visit is made with."""

    page: Page
    cdp: CDPSession
    server: ServerProcess
    network: FaultyNetwork

    def until_speaking(self, *, after: int = 0) -> float:
        """Seconds until pictures move and the voice is loud; questions are touched
        whenever it is silent. after: only of connections later than so many.

        Raises:
            TimeoutError: it never does.
        """
        began_s = tapped_s = time.monotonic()
        last: dict[str, Any] | None = None
        loud = 0
        while time.monotonic() - began_s < GIVE_UP_S:
            now = self.page.evaluate(SAMPLE)
            same = last is not None and now["connections"] == last["connections"]
            moved = same and now["frames"] > last["frames"] if last else False
            heard = same and now["energy"] - last["energy"] > LOUD if last else False
            good = moved and heard and now["connections"] > after
            # Pictures come every 40 ms, so some polls of a busy machine see none new.
            loud = loud + 1 if good else max(0, loud - 1)
            if loud >= PLAYED_FOR:
                return time.monotonic() - began_s
            waits = now["phase"] == "live" or now["state"] == "attract"
            idle = waits and not now["speaking"]
            if idle and time.monotonic() - tapped_s > TAP_AGAIN_S:
                tapped_s = time.monotonic()
                self.page.evaluate(TAP)
            last = now
            self.page.wait_for_timeout(1000 * POLL_S)
        raise TimeoutError(f"it has not spoken for {GIVE_UP_S:.0f} s: {last}")

    def check_that_pictures_stand(self) -> None:
        """That the failure is one.

        Raises:
            RuntimeError: it is none.
        """
        self.page.wait_for_timeout(1_500)  # past what the browser has buffered
        first = self.page.evaluate(SAMPLE)
        self.page.wait_for_timeout(1_000)
        second = self.page.evaluate(SAMPLE)
        same = first["connections"] == second["connections"]
        if same and first["frames"] != second["frames"]:
            raise RuntimeError("pictures still come: the failure did not take")

    def until_attract(self) -> None:
        self.page.wait_for_selector("body[data-state=attract]", timeout=30_000)

    def rest(self) -> Rest:
        """Once nobody is there, and all that can be freed is."""
        for _ in range(3):
            self.cdp.send("HeapProfiler.collectGarbage")
            self.page.wait_for_timeout(300)
        heap = self.cdp.send("Runtime.getHeapUsage")["usedSize"]
        counters = self.cdp.send("Memory.getDOMCounters")
        sessions = http("GET", f"{self.server.url}/v1/sessions")["sessions"]
        return Rest(
            heap / 2**20, counters["nodes"], counters["jsEventListeners"], len(sessions)
        )

    def connections(self) -> int:
        return int(self.page.evaluate("async () => (await played()).connections"))


def nothing(stage: Stage) -> tuple[float, float]:
    return 0.0, 0.0


def restart(stage: Stage) -> tuple[float, float]:
    """The server crashes, and is started again at once."""
    before = stage.connections()
    stage.server.kill()
    began_s = time.monotonic()
    stage.server.begin()
    stage.server.wait_until_ready()
    ended_s = time.monotonic()
    back_s = stage.until_speaking(after=before)
    return back_s, ended_s - began_s + back_s


def cut(stage: Stage) -> tuple[float, float]:
    """Nothing passes for 20 s."""
    stage.network.cut()
    began_s = time.monotonic()
    stage.check_that_pictures_stand()
    stage.page.wait_for_timeout(1000 * (CUT_S - (time.monotonic() - began_s)))
    stage.network.mend()
    back_s = stage.until_speaking()
    return back_s, CUT_S + back_s


def freeze(stage: Stage) -> tuple[float, float]:
    """Pictures come no more, on a connection that is well otherwise."""
    before = stage.connections()
    stage.network.freeze_video()
    began_s = time.monotonic()
    stage.check_that_pictures_stand()
    stage.until_speaking(after=before)
    back_s = time.monotonic() - began_s
    return back_s, back_s


Fault = Callable[[Stage], tuple[float, float]]
FAULTS: dict[str, Fault] = {"restart": restart, "cut": cut, "freeze": freeze}


def visit(stage: Stage, name: str, fault: Fault, *, says_goodbye: bool) -> Visit:
    """Touch, greeting, a question, the failure, a question, the end."""
    stage.page.locator(".start").first.click(timeout=30_000)
    greeted_s = stage.until_speaking()
    stage.page.evaluate(TAP)
    stage.until_speaking()
    try:
        back_s, away_s = fault(stage)
    except TimeoutError as error:
        print(f"{name}: {error}", file=sys.stderr)
        back_s = away_s = float("nan")
    if says_goodbye:
        stage.page.evaluate("document.getElementById('goodbye').click()")
        stage.until_attract()
    else:  # walks away without a word
        stage.page.wait_for_selector("body[data-state=asking]", timeout=90_000)
        stage.until_attract()
    return Visit(name, greeted_s, back_s, away_s, stage.rest())


def free_ports(count: int) -> range:
    """UDP ports in a row that nobody uses."""
    while True:
        first = random.randrange(20_000, 32_000)
        ports = range(first, first + count)
        try:
            for port in ports:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("0.0.0.0", port))
            return ports
        except OSError:
            continue


def _silence(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(48_000 * 2 * 10))
    return path


@contextmanager
def staged() -> Iterator[Stage]:
    """A server, the network, Chromium on the kiosk page, its clip filmed."""
    ports = free_ports(16)
    with tempfile.TemporaryDirectory(prefix="likeness-kiosk-") as folder:
        settings = {"UDP_PORTS": f"{ports[0]}-{ports[-1]}"}
        server = ServerProcess("server", folder, settings)
        microphone = _silence(Path(folder) / "silence.wav")
        flags = [
            *ARGUMENTS,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ]
        try:
            server.wait_until_ready()
            with FaultyNetwork(server.port, ports) as network, sync_playwright() as run:
                browser = run.chromium.launch(
                    executable_path=CHROMIUM,
                    args=flags,
                    ignore_default_args=["--mute-audio"],
                )
                page = browser.new_page(viewport={"width": 540, "height": 960})
                relayed = {"address": network.address, "ports": network.ports}
                page.add_init_script(f"globalThis.relayed = {relayed};")
                page.add_init_script(path=INIT_SCRIPT)
                page.goto(f"{network.url}/kiosk.html?{QUERY}")
                page.wait_for_selector("body[data-clip]", timeout=90_000)
                cdp = page.context.new_cdp_session(page)
                yield Stage(page, cdp, server, network)
                browser.close()
        finally:
            server.stop()


def run(stage: Stage, minutes: float, names: Sequence[str]) -> list[Visit]:
    """A visit without a failure, then one with each in turn until the time is over."""
    visits = [visit(stage, "none", nothing, says_goodbye=True)]
    _print(visits[0])
    end_s = time.monotonic() + 60 * minutes
    for number, name in enumerate(itertools.cycle(names)):
        if time.monotonic() > end_s and number >= len(names):
            break
        # Every fourth walks away, so that each kind of failure meets both ends.
        goodbye = number % 4 != 3
        visits.append(visit(stage, name, FAULTS[name], says_goodbye=goodbye))
        _print(visits[-1])
    return visits


def growth(visits: Sequence[Visit]) -> Rest:
    """From the first visits with each failure to the last ones, medians of each."""
    third = max(1, len(visits) // 3)
    first, last = visits[:third], visits[-third:]

    def grown(of: Callable[[Rest], float]) -> float:
        middle = [statistics.median(of(each.rest) for each in v) for v in (last, first)]
        return middle[0] - middle[1]

    return Rest(
        grown(lambda rest: rest.heap_mib),
        round(grown(lambda rest: rest.nodes)),
        round(grown(lambda rest: rest.listeners)),
        max(each.rest.sessions for each in visits),
    )


def problems(visits: Sequence[Visit]) -> list[str]:
    """What is not as it should be; empty when all is well."""
    grown = growth(visits[1:])
    late = [v for v in visits if not v.back_s <= BACK_S]
    found = [f"{v.fault}: back after {v.back_s:.1f} s" for v in late]
    if grown.sessions:
        found.append(f"{grown.sessions} sessions are left")
    if grown.heap_mib > MOST_HEAP_MIB:
        found.append(f"the heap grew by {grown.heap_mib:.1f} MiB")
    if grown.nodes > MOST_NODES:
        found.append(f"{grown.nodes} nodes more")
    if grown.listeners > MOST_LISTENERS:
        found.append(f"{grown.listeners} listeners more")
    return found


HEAD = "fault      greeted  back  away   heap MiB  nodes  listeners  sessions"


def _print(each: Visit) -> None:
    rest = each.rest
    print(
        f"{each.fault:9} {each.greeted_s:7.1f}s {each.back_s:4.1f}s {each.away_s:4.1f}s"
        f" {rest.heap_mib:9.2f} {rest.nodes:7} {rest.listeners:9} {rest.sessions:8}",
        flush=True,
    )


def _summary(visits: Sequence[Visit]) -> None:
    print("\nfault     visits  back: median  most   away: median  most")
    for name in FAULTS:
        of = [each for each in visits if each.fault == name]
        if not of:
            continue
        back, away = [v.back_s for v in of], [v.away_s for v in of]
        print(
            f"{name:9} {len(of):5}  {statistics.median(back):11.1f}s {max(back):4.1f}s"
            f"  {statistics.median(away):11.1f}s {max(away):4.1f}s"
        )
    grown = growth(visits[1:])
    print(
        f"growth: heap {grown.heap_mib:+.2f} MiB, nodes {grown.nodes:+}, "
        f"listeners {grown.listeners:+}; sessions left: {grown.sessions}"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The kiosk page under failures.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--faults", default=",".join(FAULTS), help="which, in order")
    options = parser.parse_args(arguments)
    names = options.faults.split(",")
    if unknown := set(names) - FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if not CHROMIUM.exists():
        print(f"{CHROMIUM} is missing: apt-get install chromium", file=sys.stderr)
        return 1
    with staged() as stage:
        print(HEAD)
        visits = run(stage, options.minutes, names)
    _summary(visits)
    wrong = problems(visits)
    for each in wrong:
        print(f"NOT WELL: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
