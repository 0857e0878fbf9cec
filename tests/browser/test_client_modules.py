"""The client's own modules, each without a server, in a real browser's engine."""

from typing import Any

import pytest

from tests.browser.evaluating import Evaluate


def report(**changes: Any) -> list[dict[str, Any]]:
    """What getStats gives in Chromium, with the numbers of one moment."""
    now = {
        "packets": 1_000,
        "lost": 0,
        "frames": 100,
        "jitter_s": 0.01,
        "frozen_s": 0.0,
        "concealed": 0,
        "bytes": 50_000,
        "round_trip_s": 0.05,
        "remote": "host",
        **changes,
    }
    half = now["packets"] // 2
    stream = {"type": "inbound-rtp", "packetsReceived": half, "jitter": 0.001}
    return [
        {
            **stream,
            "id": "sound",
            "kind": "audio",
            "bytesReceived": 0,
            "packetsLost": now["lost"],
            "totalSamplesReceived": 960 * half,
            "concealedSamples": now["concealed"] + 500,
            "silentConcealedSamples": 500,
        },
        {
            **stream,
            "id": "picture",
            "kind": "video",
            "jitter": now["jitter_s"],
            "bytesReceived": now["bytes"],
            "framesDecoded": now["frames"],
            "freezeCount": int(now["frozen_s"] > 0),
            "totalFreezesDuration": now["frozen_s"],
            "frameWidth": 512,
            "frameHeight": 512,
        },
        {"id": "outbound", "type": "outbound-rtp", "kind": "audio"},
        {"id": "path", "type": "transport", "selectedCandidatePairId": "pair"},
        {"id": "other", "type": "candidate-pair", "nominated": True},
        {
            "id": "pair",
            "type": "candidate-pair",
            "localCandidateId": "here",
            "remoteCandidateId": "there",
            "currentRoundTripTime": now["round_trip_s"],
        },
        {"id": "here", "type": "local-candidate", "candidateType": "host"}
        | {"protocol": "udp"},
        {"id": "there", "type": "remote-candidate", "candidateType": now["remote"]},
    ]


def qualities(evaluate: Evaluate, *moments: dict[str, Any]) -> list[Any]:
    """What the meter says of these reports, a second apart."""
    found: list[Any] = evaluate(
        """const { readStats } = await import("/likeness/link_stats.js");
        const { QualityMeter } = await import("/likeness/quality_meter.js");
        const meter = new QualityMeter();
        const stats = (report) =>
          readStats(new Map(report.map((each) => [each.id, each])));
        return given.map((report, n) => meter.observe(stats(report), 1000 * n));""",
        [report(**moment) for moment in moments],
    )
    return found


def later(seconds: int, **changes: Any) -> dict[str, Any]:
    """A good connection's numbers after some seconds, but for these."""
    usual = {
        "packets": 1_000 + 100 * seconds,
        "frames": 100 + 25 * seconds,
        "bytes": 50_000 + 50_000 * seconds,
    }
    return usual | changes


def test_quality_is_of_the_last_seconds(evaluate: Evaluate) -> None:
    first, second, *_, last = qualities(
        evaluate,
        *[later(n, lost=10 if n else 0) for n in range(6)],
    )
    assert first is None, "nothing to compare with"
    assert second["loss"] == pytest.approx(10 / 110)
    assert second["grade"] == "fair"
    assert last["loss"] == 0, "long ago"
    assert last == {
        "grade": "good",
        "roundTripMs": 50,
        "loss": 0,
        "jitterMs": 10,
        "concealed": 0,
        "fps": 25,
        "framesDropped": 0,
        "freezes": 0,
        "frozenMs": 0,
        "bitrateKbps": 400,
        "candidateType": "host",
        "relayed": False,
        "protocol": "udp",
        "width": 512,
        "height": 512,
    }


@pytest.mark.parametrize(
    ("changes", "grade"),
    [
        ({}, "good"),
        ({"round_trip_s": 0.299}, "good"),
        ({"round_trip_s": 0.3}, "fair"),
        ({"round_trip_s": 0.8}, "poor"),
        ({"round_trip_s": None}, "good"),
        ({"lost": 2}, "good"),
        ({"lost": 3}, "fair"),
        ({"lost": 12}, "poor"),
        ({"lost": -5}, "good"),  # duplicates
        ({"jitter_s": 0.05}, "fair"),
        ({"jitter_s": 0.2}, "poor"),
        ({"concealed": 4_800}, "poor"),
        ({"concealed": 1_200}, "fair"),
        ({"frozen_s": 0.3}, "fair"),
        ({"frozen_s": 0.9}, "poor"),
        ({"frames": 117}, "fair"),
        ({"frames": 105}, "poor"),
        ({"lost": 3, "frames": 100}, "poor"),  # the worst counts
    ],
)
def test_a_grade_is_the_worst_of_its_measures(
    evaluate: Evaluate, changes: dict[str, Any], grade: str
) -> None:
    assert qualities(evaluate, later(0), later(1, **changes))[1]["grade"] == grade


def test_a_relay_on_either_side_is_told(evaluate: Evaluate) -> None:
    assert qualities(evaluate, later(0), later(1, remote="relay"))[1]["relayed"]


def test_what_a_browser_does_not_count_is_nothing(evaluate: Evaluate) -> None:
    stats = evaluate(
        """const { readStats } = await import("/likeness/link_stats.js");
        const report = new Map(given.map((each) => [each.id, each]));
        return [readStats(new Map()), readStats(report)];""",
        [
            {"id": "a", "type": "inbound-rtp", "kind": "video", "framesDecoded": 7},
            {"id": "b", "type": "candidate-pair", "selected": False},
            {"id": "c", "type": "candidate-pair", "selected": True}
            | {"currentRoundTripTime": 0.2},
        ],
    )
    assert stats[0]["received"] == 0 and stats[0]["roundTripS"] is None
    assert stats[1]["framesDecoded"] == 7 and stats[1]["roundTripS"] == 0.2


def test_commands_wait_in_order_and_are_not_many(evaluate: Evaluate) -> None:
    sent, kept, more = evaluate(
        """const { Outbox } = await import("/likeness/outbox.js");
        const sent = [];
        let room = 1;
        const outbox = new Outbox((n) => room-- > 0 && sent.push(n) > 0);
        const kept = Array.from({ length: 18 }, (_, n) => outbox.put(n));
        room = 2;
        outbox.flush();
        room = 1; // for the one that has waited longest, not for the newest
        outbox.put(99);
        const before = [...sent];
        outbox.clear();
        room = 5;
        outbox.put(100);
        return [before, kept, sent.slice(before.length)];"""
    )
    assert kept == [True] * 17 + [False]
    assert sent == [0, 1, 2, 3]
    assert more == [100]


@pytest.mark.parametrize(
    ("status", "retry_after", "retryable", "wait_s"),
    [
        (401, None, False, 0),
        (409, "2", True, 2),  # a portrait that is still being made
        (422, None, False, 0),
        (429, "7", True, 7),
        (500, None, True, 0),
        (502, "soon", True, 0),
        (503, "-3", True, 0),
        (503, "Wed, 01 Jan 2020 00:00:00 GMT", True, 0),
    ],
)
def test_what_passes_may_be_tried_again(
    evaluate: Evaluate,
    status: int,
    retry_after: str | None,
    retryable: bool,
    wait_s: float,
) -> None:
    found = evaluate(
        """const { ApiError } = await import("/likeness/api_error.js");
        const { retryable, retryAfterS } = ApiError.parse(given[0], "{}", given[1]);
        return [retryable, retryAfterS];""",
        [status, retry_after],
    )
    assert found == [retryable, wait_s]


def test_retry_after_may_be_a_date(evaluate: Evaluate) -> None:
    wait_s = evaluate(
        """const { ApiError } = await import("/likeness/api_error.js");
        const date = new Date(Date.now() + 60_000).toUTCString();
        return ApiError.parse(503, "", date).retryAfterS;"""
    )
    assert 50 < wait_s <= 60


def test_the_server_may_lie_below_a_path(evaluate: Evaluate) -> None:
    urls = evaluate(
        """const { Api } = await import("/likeness/api.js");
        const answer = async (url) => (urls.push(url), Response.json({}));
        const urls = [];
        const grant = { session_id: "s/1", token: "t" };
        await new Api("https://a.example/face/", null, answer).offer(grant, {});
        await new Api("https://a.example", null, answer).offer(
          { ...grant, offer_url: "/v1/sessions/s/offer" }, {});
        await new Api("", null, answer).voices();
        return urls;"""
    )
    assert urls[0] == "https://a.example/face/v1/sessions/s%2F1/offer"
    assert urls[1] == "https://a.example/v1/sessions/s/offer"
    assert urls[2].startswith("http://127.0.0.1:") and urls[2].endswith("/v1/voices")


def test_sound_that_is_refused_begins_muted_until_a_gesture(
    evaluate: Evaluate,
) -> None:
    """With a video as the browsers' policies make it: Chromium's stops when it is
    unmuted without leave, Safari's refuses."""
    told = evaluate(
        """const { Playback } = await import("/likeness/playback.js");
        const told = [];
        for (const stops of [true, false]) {
          const video = { muted: false, paused: true, touched: false };
          video.play = async () => {
            video.paused = !video.muted && !video.touched;
            const refuses = video.paused && !stops;
            if (refuses) throw new DOMException("", "NotAllowedError");
          };
          const playback = new Playback((sound) => told.push({ ...sound, ...state() }));
          const state = () => ({ silent: video.muted, plays: !video.paused });
          const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
          playback.attach(video);
          playback.play({});
          await settled();
          await playback.mute(false); // without a gesture: nothing changes
          video.touched = true;
          await playback.mute(false);
          await playback.mute(true);
          playback.play({}); // the next connection is as the visitor left it
          await settled();
        }
        return told;"""
    )
    refused = {"muted": True, "blocked": True, "silent": True, "plays": True}
    heard = {"muted": False, "blocked": False, "silent": False, "plays": True}
    by_choice = {"muted": True, "blocked": False, "silent": True, "plays": True}
    assert told == [refused, heard, by_choice] * 2
