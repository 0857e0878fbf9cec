"""What the client does about losses, of connection, server and leave, and refusals."""

import signal
import time
from collections.abc import Callable

from tests.browser.conftest import TOKEN_TTL_S
from tests.browser.guest import SOON_MS, Guest, held
from tests.browser.server_process import Server
from tests.browser.site import Refusal, Site

Visit = Callable[..., Guest]
LONG = " ".join(f"This is sentence number {n}." for n in range(1, 12))


def test_a_picture_that_stands_still_is_told_and_then_fetched_anew(
    visit: Visit, keyed: Server
) -> None:
    guest = visit()
    guest.until(lambda: guest.all("quality"))
    keyed.signal(signal.SIGSTOP)
    try:
        guest.until(lambda: guest.all("quality")[-1]["grade"] == "poor")
        guest.until(lambda: guest.all("phase")[2:] == ["reconnecting"])
    finally:
        keyed.signal(signal.SIGCONT)
    guest.wait_live()
    told = len(guest.all("quality"))
    guest.until(lambda: len(guest.all("quality")) > told)
    assert guest.complaints == []


def test_a_portrait_that_nobody_looks_at_gives_its_place_back(
    visit: Visit, site: Site
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    guest.page.clock.install()
    guest.do("open()")
    guest.wait_live()
    guest.do("likeness.setVisible(false)")
    guest.page.clock.fast_forward(9 * 60_000)
    guest.page.wait_for_timeout(1_500)
    assert len(held(site)) == 1
    guest.page.clock.fast_forward(2 * 60_000)
    guest.until(lambda: held(site) == [])
    guest.page.clock.fast_forward(60 * 60_000)
    guest.page.wait_for_timeout(500)
    assert guest.all("phase")[-1] == "reconnecting"
    guest.do("likeness.setVisible(true)")
    guest.wait_live()


def test_a_lost_connection_resumes_the_session_and_its_speech(
    visit: Visit, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    asked = guest.do("(text) => likeness.speak(text)", LONG)
    guest.until(lambda: guest.events("avatar.speech_started"))
    guest.do("channels.at(-1).close()")
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    said = len(guest.events("avatar.caption"))
    guest.until(lambda: len(guest.events("avatar.caption")) > said)
    guest.do("channels.at(-1).close(); likeness.interrupt()")  # before it is noticed
    guest.until(lambda: guest.events("avatar.speech_interrupted"))
    (cut,) = guest.events("avatar.speech_interrupted")
    assert cut["source_event_id"] == asked
    assert len(site.minted) == 1
    assert guest.all("stream") == [2, 2, 2]


def test_a_token_is_renewed_before_it_ends(visit: Visit, site: Site) -> None:
    guest = visit()
    guest.wait_live()
    guest.page.wait_for_timeout(1000 * TOKEN_TTL_S + 1_500)
    assert guest.all("phase") == ["connecting", "live"]
    guest.do("channels.at(-1).close()")  # the next connection needs a good one
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    assert len(site.minted) == 1 and not site.renewed


def let_the_token_end(guest: Guest) -> None:
    """Its renewals are lost on their way; it comes back by itself."""
    guest.page.route("**/keepalive", lambda route: route.abort())
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    guest.page.unroute("**/keepalive")


def test_a_token_that_ended_costs_neither_the_session_nor_its_speech(
    visit: Visit, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    guest.do("(text) => likeness.speak(text)", LONG)
    guest.until(lambda: guest.events("avatar.speech_started"))
    let_the_token_end(guest)
    assert len(site.minted) == 1 and site.renewed == site.minted
    said = len(guest.events("avatar.caption"))
    guest.until(lambda: len(guest.events("avatar.caption")) > said)
    assert guest.all("error") == []
    guest.do("likeness.interrupt()")
    guest.until(lambda: guest.events("avatar.speech_interrupted"))


def test_a_back_end_may_begin_anew_when_a_token_ended(visit: Visit, site: Site) -> None:
    guest = visit(forgetful=True)
    guest.wait_live()
    let_the_token_end(guest)
    assert len(site.minted) == 2 and not site.renewed
    assert guest.all("error") == []
    guest.do("likeness.speak('Again.')")
    guest.until(lambda: guest.events("avatar.speech_ended"))


def test_it_comes_back_by_itself_after_the_server_was_killed(
    visit: Visit, site: Site, keyed: Server
) -> None:
    guest = visit()
    guest.wait_live()
    keyed.kill()
    guest.until(lambda: guest.all("phase")[-1] == "reconnecting")
    guest.page.context.set_offline(True)
    guest.until(lambda: guest.all("phase")[-1] == "offline")
    keyed.start()
    guest.page.context.set_offline(False)
    guest.wait_live()
    assert guest.all("error") == [], "a blip is no error"
    assert len(site.minted) == 2
    guest.do("likeness.speak('Here I am again.')")
    guest.until(lambda: guest.events("avatar.speech_ended"))
    assert guest.complaints == []


def test_a_full_server_is_waited_for_as_long_as_it_asks(
    visit: Visit, site: Site
) -> None:
    site.refusals.append(Refusal(503, "server_full", {"retry-after": "3"}))
    guest = visit()
    guest.until(lambda: "full" in guest.all("phase"))
    begin_s = time.monotonic()
    guest.wait_live()
    assert time.monotonic() - begin_s > 2.5
    assert guest.all("error") == []
    assert guest.all("connected") == site.minted


def test_a_refusal_for_good_is_told_and_ends_it(visit: Visit, site: Site) -> None:
    site.refusals.append(Refusal(403, "signed_out"))
    guest = visit()
    guest.until(lambda: guest.all("refused"))
    (refused,) = guest.all("refused")
    assert (refused["name"], refused["code"]) == ("ApiError", "signed_out")
    assert refused["retryable"] is False
    assert guest.all("phase")[-1] == "closed"
    assert [each["code"] for each in guest.all("error")] == ["signed_out"]
    guest.do("open()")  # signed in meanwhile
    guest.wait_live()


def test_a_wrong_key_is_told(visit: Visit, site: Site) -> None:
    guest = visit(key="wrong")
    guest.until(lambda: guest.all("refused"))
    assert guest.all("refused")[0]["code"] == "key_wrong"
    assert guest.complaints == []


def test_a_page_brought_back_from_the_cache_is_alive_again(
    visit: Visit, site: Site, keyed: Server
) -> None:
    guest = visit()
    guest.wait_live()
    guest.page.goto(f"{site.url}/host.js")
    guest.until(lambda: held(site) == [], SOON_MS)
    guest.page.go_back(wait_until="commit")
    guest.until(lambda: len(guest.all("phase")) >= 4)
    guest.wait_live()
    assert guest.all("pageshow")[-1] is True, "it was not reloaded"
    assert len(site.minted) == 2
