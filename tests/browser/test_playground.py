"""The playground: every command of the server, and every event as it comes."""

import json
import re
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.server_process import Server
from tests.browser.test_embed import new_session
from tests.browser.visitor import open_page, sessions, wait_until

LONG_MS = 30_000


@pytest.fixture(scope="module")
def playground(browser: Browser, server: Server) -> Iterator[Page]:
    page = open_page(
        browser,
        f"{server.url}/playground.html",
        viewport={"width": 1300, "height": 800},
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.wait_for_selector("body[data-phase=live]", timeout=LONG_MS)
    expect(page.locator("#types option").first).to_be_attached()
    yield page
    page.context.close()


@pytest.fixture
def page(playground: Page) -> Page:
    """Silent, with an empty and unfiltered log."""
    playground.click("#interrupt")
    playground.fill("#filter", "")
    playground.get_by_text("All", exact=True).click()
    playground.wait_for_timeout(300)
    playground.click("#clear")
    return playground


def rows(page: Page, kind: str) -> Any:
    return page.locator("#rows .row").filter(
        has=page.locator(".type", has_text=kind).first
    )


def choose(page: Page, command: str) -> None:
    page.select_option("#types", command)


def test_it_offers_every_command_that_the_server_describes(
    page: Page, server: Server
) -> None:
    with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=10) as answer:
        schemas = json.load(answer)["components"]["schemas"]
    mapping = schemas["Command"]["discriminator"]["mapping"]
    offered = page.locator("#types option").all_text_contents()
    assert offered == list(mapping)
    for command in offered:
        choose(page, command)
        name = mapping[command].rpartition("/")[2]
        wanted = set(schemas[name]["properties"]) - {"type"}
        shown = page.locator("#fields label code").all_text_contents()
        assert set(shown) == wanted, command
        assert json.loads(page.input_value("#json"))["type"] == command


def test_form_and_json_are_two_views_of_one_message(page: Page) -> None:
    choose(page, "avatar.set")
    page.select_option("#command-emotion", "serious")
    page.fill("#command-expressivity", "0.25")
    told = json.loads(page.input_value("#json"))
    assert (told["emotion"], told["expressivity"]) == ("serious", 0.25)
    page.fill("#json", '{"type": "avatar.set", "emotion": "happy", "other": 1}')
    expect(page.locator("#command-emotion")).to_have_value("happy")
    expect(page.locator("#command-expressivity")).to_have_value("")
    page.select_option("#command-emotion", "")
    assert json.loads(page.input_value("#json")) == {"type": "avatar.set", "other": 1}
    page.fill("#json", "{")
    expect(page.locator("#send")).to_be_disabled()
    expect(page.locator("#json-problem")).not_to_be_empty()
    page.fill("#json", '{"type": "avatar.set"}')
    expect(page.locator("#send")).to_be_enabled()


def test_what_is_sent_and_what_comes_is_written_down_with_its_time(page: Page) -> None:
    choose(page, "avatar.speak_text")
    page.fill("#command-text", "One, two.")
    page.click("#send")
    expect(rows(page, "avatar.speech_ended")).to_be_visible(timeout=LONG_MS)
    sent = rows(page, "avatar.speak_text")
    assert sent.get_attribute("data-direction") == "sent"
    started = rows(page, "avatar.speech_started")
    assert started.get_attribute("data-direction") == "received"
    assert started.locator(".media").text_content().endswith(" s")
    expect(page.locator("#said")).to_have_text("One, two.")
    sent.locator("summary").click()
    whole = json.loads(sent.locator("pre").text_content())
    assert whole["text"] == "One, two." and whole["event_id"]


def test_errors_stand_out(page: Page) -> None:
    page.fill("#json", '{"type": "avatar.sing"}')
    page.click("#send")
    failed = page.locator("#rows [data-failed]")
    expect(failed.locator(".type")).to_have_text("error", timeout=LONG_MS)
    page.get_by_text("Errors", exact=True).click()
    expect(page.locator("#rows .row")).to_have_count(1)


def test_the_log_can_be_filtered_stopped_copied_and_emptied(page: Page) -> None:
    choose(page, "session.keep_alive")
    page.click("#send")
    expect(rows(page, "session.token")).to_be_visible(timeout=LONG_MS)
    page.fill("#filter", "KEEP_alive")
    expect(page.locator("#rows .row")).to_have_count(1)
    page.click("#copy")
    expect(page.locator("#news")).to_have_text("1 messages copied.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["message"]["type"] == "session.keep_alive"
    page.fill("#filter", "")
    page.click("#pause")
    shown = page.locator("#rows .row").count()
    page.click("#send")
    expect(page.locator("#news")).to_contain_text("more since the pause")
    assert page.locator("#rows .row").count() == shown
    page.click("#pause")
    wait_until(page, lambda: page.locator("#rows .row").count() > shown)
    page.click("#clear")
    expect(page.locator("#rows .row")).to_have_count(0)


def test_curl_does_the_same(page: Page, server: Server) -> None:
    choose(page, "avatar.speak_text")
    page.fill("#command-text", "It's one.")
    session = page.locator("[data-fact=id]").text_content()
    page.get_by_text("The same with curl").first.click()
    expect(page.locator("#curl")).to_contain_text(
        f"curl -X POST '{server.url}/v1/sessions/{session}/commands'"
    )
    expect(page.locator("#curl")).to_contain_text(r"It'\''s one.")


def test_it_knows_its_session_and_how_the_connection_is(
    page: Page, server: Server
) -> None:
    fact = "#{}-facts [data-fact={}]"
    expect(page.locator(fact.format("session", "id"))).to_contain_text("ses_")
    assert page.locator(fact.format("session", "id")).text_content() in sessions(server)
    expect(page.locator(fact.format("session", "viewers"))).to_have_text("1")
    expect(page.locator(fact.format("session", "expires"))).to_contain_text(":")
    grade = page.locator(fact.format("connection", "grade"))
    expect(grade).to_have_text(re.compile("good|fair|poor"), timeout=LONG_MS)
    expect(page.locator(fact.format("connection", "picture"))).to_contain_text("×")


def test_how_it_looks_is_set(page: Page) -> None:
    page.get_by_role("button", name="surprised").click()
    page.select_option("#background", "blur")
    sent = page.locator("#rows [data-direction=sent] pre").all_text_contents()
    told = [json.loads(text) for text in sent]
    assert [each["type"] for each in told] == ["avatar.set"] * 2
    assert told[0]["emotion"] == "surprised" and told[1]["background"] == "blur"
    page.wait_for_timeout(300)
    assert page.locator("#rows [data-failed]").count() == 0


def tone(path: Path, seconds: float) -> Path:
    times = np.arange(round(16_000 * seconds)) / 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        mono = (8_000 * np.sin(2 * np.pi * 220 * times)).astype("<i2")
        file.writeframes(np.repeat(mono, 2).tobytes())
    return path


def test_it_speaks_with_a_sound_file(page: Page, tmp_path: Path) -> None:
    page.set_input_files("#recording-file", tone(tmp_path / "tone.wav", 1.2))
    expect(rows(page, "avatar.speech_ended")).to_be_visible(timeout=LONG_MS)
    assert page.locator("#rows [data-failed]").count() == 0
    sent = page.locator("#rows [data-direction=sent] .type").all_text_contents()
    assert sent == ["avatar.speak_audio"] * 3 + ["avatar.speak_end"]
    ended = json.loads(rows(page, "avatar.speech_ended").locator("pre").text_content())
    began = rows(page, "avatar.speech_started").locator("pre").text_content()
    said_ms = ended["media_ms"] - json.loads(began)["media_ms"]
    assert said_ms == pytest.approx(1_200, abs=60)


def test_a_file_that_is_no_sound_is_said_to_be_none(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("This is no sound.")
    page.set_input_files("#recording-file", path)
    expect(page.locator("#notice-text")).to_contain_text("no sound")


def test_it_joins_a_session_by_its_address(browser: Browser, server: Server) -> None:
    grant = new_session(server)
    address = grant["embed_url"].replace("talk.html", "playground.html")
    page = open_page(browser, server.url + address)
    page.wait_for_selector("body[data-phase=live]", timeout=LONG_MS)
    expect(page.locator("[data-fact=id]")).to_have_text(grant["session_id"])
    page.click("#close")
    expect(page.locator("#phase")).to_have_text("Closed")
    page.context.close()
    assert grant["session_id"] in sessions(server)


def test_the_log_is_bounded(browser: Browser, files_url: str) -> None:
    page = browser.new_page()
    page.goto(f"{files_url}/favicon.svg")
    kept, first, cut = page.evaluate(
        """async () => {
            const { EventLog } = await import("/playground/event_log.js");
            const log = new EventLog();
            for (let i = 0; i < 700; i += 1) log.add("sent", { type: "a", n: i });
            log.add("sent", { type: "b", audio: "x".repeat(100_000) });
            const all = log.matching({ text: "", show: "all" });
            return [all.length, all[0].message.n, all.at(-1).message.audio.length];
        }"""
    )
    assert (kept, first) == (500, 201)
    assert cut < 200
    page.close()
