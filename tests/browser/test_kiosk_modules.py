"""The kiosk's modules that need neither a server nor a page."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error

from tests.browser.evaluating import Evaluate

RULES = {
    "idleS": 20,
    "warnS": 5,
    "awayS": 4,
    "maxS": 300,
    "openS": 30,
    "lostS": 40,
    "farewellS": 8,
}


def visit(evaluate: Evaluate, *story: tuple[float, str]) -> list[tuple[str, list[str]]]:
    """Tell events at their seconds, with ten ticks a second between them; returns the
    state after each event, and the orders given since the one before.

    Events: `touch`, `live`, ...; `presence:on`, `speaking:off`; `-` for none.
    """
    found = evaluate(
        """const { Visit } = await import("/kiosk/visit.js");
        const visit = new Visit(given.rules);
        let ms = 0;
        return given.story.map(([atS, told]) => {
          const orders = [];
          for (; ms < 1000 * atS; ms += 100) orders.push(...visit.tick(ms));
          const [type, value] = told.split(":");
          const event = value ? { type, on: value === "on" } : { type };
          if (told !== "-") orders.push(...visit.handle(event, ms));
          return [visit.state, orders];
        });""",
        {"rules": RULES, "story": story},
    )
    return [(state, orders) for state, orders in found]


def test_a_visit_from_touch_to_farewell(evaluate: Evaluate) -> None:
    assert visit(
        evaluate,
        (1, "touch"),
        (2, "live"),
        (3, "speaking:on"),
        (30, "speaking:off"),
        (49, "activity"),
        (60, "goodbye"),
        (62, "farewell-said"),
    ) == [
        ("opening", ["open"]),
        ("visiting", []),
        ("visiting", []),
        ("visiting", []),
        ("visiting", []),
        ("leaving", ["farewell"]),
        ("attract", ["close"]),
    ]


def test_who_says_nothing_is_asked_and_then_let_go(evaluate: Evaluate) -> None:
    story = visit(
        evaluate,
        (0, "touch"),
        (1, "live"),
        (20.5, "-"),
        (21.5, "-"),
        (22, "touch"),
        (43, "-"),
        (48, "-"),
        (57, "-"),
    )
    states = [state for state, _ in story]
    assert states[2:] == [
        "visiting",
        "asking",
        "visiting",
        "asking",
        "leaving",
        "attract",
    ]
    assert [orders for _, orders in story[-2:]] == [["farewell"], ["close"]]


def test_presence_begins_a_visit_and_absence_ends_it(evaluate: Evaluate) -> None:
    story = visit(
        evaluate,
        (0, "presence:on"),
        (1, "live"),
        (5, "presence:off"),
        (8, "presence:on"),
        (10, "presence:off"),
        (15, "-"),
    )
    assert story[0] == ("opening", ["open"])
    assert story[3][0] == "visiting"  # was gone for less than awayS
    assert story[5] == ("leaving", ["farewell"])


def test_who_was_never_seen_is_not_missed(evaluate: Evaluate) -> None:
    story = visit(evaluate, (0, "touch"), (1, "live"), (2, "presence:off"), (15, "-"))
    assert story[-1] == ("visiting", [])


def test_who_stays_in_sight_after_the_end_is_left_alone(evaluate: Evaluate) -> None:
    """Else a portrait before a bench would talk all day."""
    story = visit(
        evaluate,
        (0, "presence:on"),
        (1, "live"),
        (2, "goodbye"),
        (3, "farewell-said"),
        (60, "presence:on"),
        (61, "presence:off"),
        (70, "presence:on"),
    )
    assert [state for state, _ in story[3:]] == ["attract"] * 3 + ["opening"]


def test_a_touch_during_the_farewell_is_a_new_visit(evaluate: Evaluate) -> None:
    story = visit(evaluate, (0, "touch"), (1, "live"), (2, "goodbye"), (3, "touch"))
    assert story[-1] == ("opening", ["close", "open"])


def test_a_lost_connection_is_waited_for_but_not_for_ever(evaluate: Evaluate) -> None:
    story = visit(
        evaluate,
        (0, "touch"),
        (1, "live"),
        (10, "lost"),
        (45, "live"),
        (50, "lost"),
        (95, "-"),
        (96, "touch"),
        (130, "-"),
    )
    assert [state for state, _ in story[3:]] == [
        "visiting",
        "visiting",
        "attract",
        "opening",
        "attract",
    ]
    assert story[-1][1] == ["close"]


def test_a_farewell_is_not_waited_for_without_a_connection(evaluate: Evaluate) -> None:
    story = visit(evaluate, (0, "touch"), (1, "live"), (2, "lost"), (3, "goodbye"))
    assert story[-1] == ("attract", ["close"])


def test_no_visit_is_longer_than_it_may_be(evaluate: Evaluate) -> None:
    story = visit(evaluate, (0, "touch"), (1, "live"), (2, "speaking:on"), (300.5, "-"))
    assert story[-1] == ("leaving", ["farewell"])


@pytest.mark.parametrize("seed", range(5))
def test_every_session_that_is_opened_is_closed(evaluate: Evaluate, seed: int) -> None:
    """Whatever happens: opens and closes alternate, and only rest holds none."""
    random = np.random.default_rng(seed)
    names = [
        "touch",
        "live",
        "lost",
        "activity",
        "goodbye",
        "farewell-said",
        "presence:on",
        "presence:off",
        "speaking:on",
        "speaking:off",
        "-",
    ]
    at_s = np.cumsum(random.exponential(4, 400))
    story = [
        (float(s), str(name))
        for s, name in zip(at_s, random.choice(names, 400), strict=True)
    ]
    held = False
    for state, orders in visit(evaluate, *story):
        for order in orders:
            if order in ("open", "close"):
                assert held == (order == "close")
                held = order == "open"
        assert held == (state != "attract")


def test_a_loop_ends_where_it_leads_into_its_beginning(evaluate: Evaluate) -> None:
    at_s = np.arange(0, 12, 0.1)
    poses = [
        [float(np.sin(2 * np.pi * s / 7)), float(np.cos(2 * np.pi * s / 7))]
        for s in at_s
    ]
    found = evaluate(
        """const { loopPoints } = await import("/kiosk/loop_points.js");
        return [loopPoints(given, 5), loopPoints(given.slice(0, 20), 5)];""",
        [{"atS": float(s), "cells": pose} for s, pose in zip(at_s, poses, strict=True)],
    )
    assert found[0]["endS"] - found[0]["beginS"] == pytest.approx(7)
    assert found[1] is None


def config(evaluate: Evaluate, search: str = "", given: Any = None) -> Any:
    encoded = base64.urlsafe_b64encode(json.dumps(given).encode()).decode().rstrip("=")
    return evaluate(
        """const { readConfig } = await import("/kiosk/config.js");
        return readConfig(given.search, given.hash);""",
        {"search": search, "hash": f"#config={encoded}" if given else ""},
    )


def test_a_kiosk_needs_no_configuration(evaluate: Evaluate) -> None:
    usual = config(evaluate)
    assert [each["tag"] for each in usual["tongues"]] == ["en", "zh"]
    assert usual["presence"] and usual["microphone"]
    assert usual["key"] is None and usual["handOver"] == {"url": "", "number": ""}
    assert len(usual["tongues"][1]["questions"]) == 4


def test_the_file_and_the_address_configure_it(evaluate: Evaluate) -> None:
    greeting = "你好，欢迎光临！"
    file = {
        "key": "k",
        "languages": [
            {"tag": "zh-CN", "greeting": greeting, "questions": ["在哪里？"]}
        ],
        "idle_s": 20,
        "hand_over_url": "https://example.org/x",
    }
    found = config(evaluate, "?idle_s=30&presence=off&video=576x1024", file)
    assert found["key"] == "k"
    assert found["tongues"][0]["greeting"] == greeting
    assert found["tongues"][0]["questions"] == ["在哪里？"]
    assert found["rules"]["idleS"] == 30
    assert not found["presence"]
    assert found["video"] == {"width": 576, "height": 1024}


@pytest.mark.parametrize(
    ("search", "given", "told"),
    [
        ("?key=abc", None, "no key in an address"),
        ("?idle=30", None, "idle: there is no such field"),
        ("?idle_s=x", None, "idle_s: it must be a number from 3 to 3600"),
        ("?languages=", None, "languages: give one to six"),
        ("?languages=EN%20", None, "no language"),
        ("?hand_over_url=javascript:alert(1)", None, "hand_over_url: it must begin"),
        ("?grant=//elsewhere", None, "grant: it must be a path"),
        ("?grant=https://x.example", None, "grant: it must be a path"),
        ("", {"presence": "yes"}, "presence: it must be true or false"),
        ("", {"languages": [{"tag": "en", "hello": "x"}]}, "languages.hello"),
        ("", [1], "no JSON object"),
        ("", {"identity": 7}, "identity: it must be a text"),
        ("", {"video": {"width": 10, "height": 512}}, "video.width"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(
    evaluate: Evaluate, search: str, given: Any, told: str
) -> None:
    with pytest.raises(Error, match="kiosk configuration") as raised:
        config(evaluate, search, given)
    assert told in str(raised.value)


def due(evaluate: Evaluate, *looks: tuple[float, bool, int, int, int]) -> list[bool]:
    """looks: hours of its life, resting, the clock's hour, MiB of heap, faults."""
    found: list[bool] = evaluate(
        """const { Upkeep } = await import("/kiosk/upkeep.js");
        const upkeep = new Upkeep(4, 0);
        return given.map(([h, resting, hour, mib, faults]) => upkeep.isDue(
          { resting, hour, heapBytes: mib * 2 ** 20, faults }, h * 3600_000));""",
        looks,
    )
    return found


def test_a_page_is_loaded_anew_at_night_while_nobody_is_here(
    evaluate: Evaluate,
) -> None:
    assert due(
        evaluate,
        (0, True, 9, 10, 0),
        (1, True, 4, 10, 0),  # has been up for too short
        (23, False, 4, 10, 0),  # somebody is here
        (23.01, True, 4, 10, 0),  # has just gone
        (23.2, True, 4, 10, 0),
        (23.3, True, 5, 10, 0),
    ) == [False, False, False, False, True, False]


def test_a_heap_that_has_grown_is_not_waited_with(evaluate: Evaluate) -> None:
    assert due(
        evaluate,
        (0, True, 9, 10, 0),
        (1, True, 10, 60, 0),
        (2, True, 11, 140, 0),
        (3, False, 12, 400, 0),
        (4, True, 13, 400, 0),
        (4.2, True, 13, 400, 0),
    ) == [False, False, False, False, False, True]


def test_a_page_of_which_a_part_has_failed_is_loaded_anew(evaluate: Evaluate) -> None:
    """But not at once: a fault at each start would make the screen flicker."""
    looks = [(0.0, True, 9, 10, 1), (0.1, True, 9, 10, 1), (0.2, True, 9, 10, 1)]
    assert due(evaluate, *looks) == [False, False, True]


def test_every_language_has_the_same_words(evaluate: Evaluate) -> None:
    english, chinese = evaluate(
        """const source = await (await fetch("/kiosk/words.js")).text();
        const blocks = source.split(/^  (?:en|zh): {$/m).slice(1, 3);
        const line = /^    (\\w+): "(.*)",$/gm;
        return blocks.map((block) =>
          [...block.matchAll(line)].map((m) => [m[1], m[2]]));"""
    )
    assert len(english) > 25
    assert [key for key, _ in english] == [key for key, _ in chinese]
    for (key, words), (_, translated) in zip(english, chinese, strict=True):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in translated), key
        for hole in ("{seconds}", "{address}"):
            assert (hole in words) == (hole in translated), key
