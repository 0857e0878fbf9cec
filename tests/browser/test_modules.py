"""The client's modules that need no server, in a real browser's engine."""

from typing import Any

import pytest

from tests.browser.evaluating import Evaluate

VOICES = [
    {
        "id": "caribbean",
        "name": "English (Caribbean), Ann (female)",
        "language": "en-029",
    },
    {
        "id": "en-gb",
        "name": "English (Great Britain), Ann (female)",
        "language": "en-GB",
    },
    {"id": "en-us", "name": "English (America), Reed (male)", "language": "en-US"},
    {"id": "amy", "name": "Amy", "language": "en-US"},
    {"id": "cmn", "name": "Chinese (Mandarin), Ann (female)", "language": "cmn"},
    {"id": "fr-ch", "name": "French (Switzerland), Ann (female)", "language": "fr-CH"},
    {"id": "fr", "name": "French, Ann (female)", "language": "fr"},
    {"id": "nyc", "name": "English (New York), Ann (female)", "language": "en-x-nyc"},
    {"id": "x", "name": "Toki, Ann (female)", "language": "not_a-languagetag"},
]


def test_backoff_grows_to_a_ceiling_and_keeps_half_of_each_wait(
    evaluate: Evaluate,
) -> None:
    low, high = (
        evaluate(
            """const { Backoff } = await import("/likeness/backoff.js");
            const backoff = new Backoff(() => given);
            return Array.from({ length: 12 }, () => backoff.next());""",
            random,
        )
        for random in (0, 1)
    )
    assert high == sorted(high)
    assert high[0] == 400
    assert high[-1] == 5_000
    assert low == [wait / 2 for wait in high]


def test_a_picture_stalls_when_it_has_not_changed_for_five_seconds(
    evaluate: Evaluate,
) -> None:
    observed = evaluate(
        """const { StallWatch } = await import("/likeness/stall_watch.js");
        const watch = new StallWatch();
        return given.map(([frames, ms]) => watch.observe(frames, ms));""",
        [[0, 0], [9, 1000], [9, 6000], [9, 6001], [10, 6100], [10, 11_000]],
    )
    assert observed == [False, False, False, True, False, False]


def test_the_media_clock_trusts_the_quickest_delivery_and_follows_drift(
    evaluate: Evaluate,
) -> None:
    first, drifted = evaluate(
        """const { MediaClock } = await import("/likeness/media_clock.js");
        const clock = new MediaClock();
        clock.setPlayoutDelay(100);
        for (const late of [90, 20, 60]) clock.observe(1000, 5000 + late);
        const first = clock.soundsAt(3000);
        for (let i = 0; i < 60; i += 1) clock.observe(10_000, 14_500);
        return [first, clock.soundsAt(3000)];"""
    )
    assert first == 5000 + 20 + 2000 + 100
    assert drifted == 4500 + 3000 + 100


def pages_of(evaluate: Evaluate, text: str, words: list[str]) -> Any:
    return evaluate(
        """const { Transcript } = await import("/page/transcript.js");
        const transcript = new Transcript(given.text);
        return given.words.map((word) => {
          transcript.say(word);
          const { said, toCome } = transcript.page;
          return [said, toCome];
        });""",
        {"text": text, "words": words},
    )


def test_a_caption_grows_word_by_word_with_its_punctuation(evaluate: Evaluate) -> None:
    pages = pages_of(
        evaluate, "Well, it is you! And you?", ["Well", "it", "you", "and"]
    )
    assert pages == [
        ["Well,", " it is you! "],
        ["Well, it", " is you! "],
        ["Well, it is you!", " "],
        ["And", " you?"],
    ]


def test_a_word_the_text_has_not_says_nothing(evaluate: Evaluate) -> None:
    assert pages_of(evaluate, "One two", ["One", "seven"])[1] == ["One", " two"]


def test_chinese_needs_no_spaces(evaluate: Evaluate) -> None:
    pages = pages_of(evaluate, "你好，很高兴。见到你", ["你好", "很高兴", "见到"])
    assert pages == [["你好，", "很高兴。"], ["你好，很高兴。", ""], ["见到", "你"]]


@pytest.mark.parametrize(
    "text", ["word " * 120, "字" * 300, "a" * 500, "One. " * 50, "३ " * 90]
)
def test_long_captions_lose_nothing_and_stay_short(
    evaluate: Evaluate, text: str
) -> None:
    pages = evaluate(
        """const { Transcript } = await import("/page/transcript.js");
        const transcript = new Transcript(given);
        const pages = [];
        let shown = Infinity;
        for (const letter of given.replace(/[\\s.]/g, "")) {
          transcript.say(letter);
          const { said, toCome } = transcript.page;
          if (said.length <= shown) pages.push(said + toCome);
          shown = said.length;
        }
        return pages;""",
        text,
    )
    assert "".join(pages) == text.strip()
    assert max(len(page) for page in pages) <= 86


def catalogue(evaluate: Evaluate, expression: str, language: str = "en") -> Any:
    return evaluate(
        f"""const {{ VoiceCatalogue }} = await import("/page/voice_catalogue.js");
        const catalogue = new VoiceCatalogue(given.voices, given.language);
        return {expression};""",
        {"voices": VOICES, "language": language},
    )


def test_voices_are_named_and_sorted_in_the_page_language(evaluate: Evaluate) -> None:
    titles = "catalogue.search('').map((group) => group.title)"
    assert catalogue(evaluate, titles) == [
        "Chinese",
        "American English",
        "British English",
        "English (Caribbean)",
        "English (New York)",
        "French",
        "Swiss French",
        "Toki",
    ]
    assert "中文" in catalogue(evaluate, titles, "zh")


def test_a_voice_has_its_own_name_within_its_language(evaluate: Evaluate) -> None:
    american = (
        "catalogue.suggest(['en-US'])[0].voices.map(({ name, sex }) => [name, sex])"
    )
    assert catalogue(evaluate, american) == [["Reed", "male"], ["Amy", ""]]


def test_one_group_is_suggested_for_each_language_of_a_visitor(
    evaluate: Evaluate,
) -> None:
    suggested = (
        "catalogue.suggest(['zh-CN', 'en-US', 'zh', 'tlh', 'fr-CA'])"
        ".map((group) => group.tag)"
    )
    assert catalogue(evaluate, suggested) == ["cmn", "en-US", "fr"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("FRANÇAIS", ["fr", "fr-ch"]),
        ("francais", ["fr", "fr-ch"]),
        ("swiss", ["fr-ch"]),
        ("amy", ["amy"]),
        ("中", ["cmn"]),
        ("british", ["en-gb"]),
        ("klingon", []),
    ],
)
def test_voices_are_found_by_any_of_their_names(
    evaluate: Evaluate, query: str, found: list[str]
) -> None:
    ids = (
        f"catalogue.search('{query}')"
        ".flatMap((group) => group.voices.map((each) => each.voice.id))"
    )
    assert catalogue(evaluate, ids) == found


@pytest.mark.parametrize(
    ("languages", "best"),
    [
        (["en-GB"], "en-gb"),
        (["zh-CN", "en"], "cmn"),
        (["tlh", "fr-CA"], "fr"),
        (["tlh"], None),
    ],
)
def test_the_best_voice_for_a_visitor(
    evaluate: Evaluate, languages: list[str], best: str | None
) -> None:
    assert catalogue(evaluate, f"catalogue.bestFor({languages})?.id ?? null") == best


@pytest.mark.parametrize(
    ("languages", "expected"),
    [(["zh-TW", "en"], "zh"), (["fr", "en"], "en"), (["fr"], "en"), ([], "en")],
)
def test_the_page_speaks_english_or_chinese(
    evaluate: Evaluate, languages: list[str], expected: str
) -> None:
    language = evaluate(
        """const { Messages } = await import("/page/messages.js");
        return new Messages(given).language;""",
        languages,
    )
    assert language == expected


def test_a_proxys_page_is_no_message(evaluate: Evaluate) -> None:
    ours, theirs = evaluate(
        """const { ApiError } = await import("/likeness/api_error.js");
        const parse = (body) => ApiError.parse(503, body, "7");
        return [parse('{"code": "a", "message": "b"}'), parse("<html>")].map(
          ({ code, message, retryAfterS }) => [code, message, retryAfterS]);"""
    )
    assert ours == ["a", "b", 7]
    assert theirs == ["", "", 7]


def test_the_talk_log_holds_what_was_really_said(evaluate: Evaluate) -> None:
    events = [
        {"type": "user.transcript.delta", "text": "how"},
        {"type": "user.transcript.delta", "text": "how do"},
        {"type": "user.transcript", "text": "how do you do"},
        {
            "type": "avatar.caption",
            "utterance_id": "u",
            "text": "One, two.",
            "words": [],
            "end_ms": 400,
        },
        {
            "type": "avatar.caption",
            "utterance_id": "u",
            "text": "Three, four, five.",
            "words": [
                {"text": "Three", "start_ms": 500, "end_ms": 700},
                {"text": "four", "start_ms": 700, "end_ms": 900},
                {"text": "five", "start_ms": 900, "end_ms": 1100},
            ],
            "end_ms": 1100,
        },
        {"type": "avatar.speech_interrupted", "utterance_id": "u", "media_ms": 750},
        {"type": "avatar.speech_interrupted", "utterance_id": "u", "media_ms": 750},
        {"type": "user.transcript", "text": "stop"},
    ]
    lines = evaluate(
        """const { TalkLog } = await import("/page/talk_log.js");
        const log = new TalkLog();
        for (const event of given) log.receive(event);
        return log.lines;""",
        events,
    )
    assert [(line["who"], line["text"], line["settled"]) for line in lines] == [
        ("visitor", "how do you do", True),
        ("portrait", "One, two. Three, four …", True),
        ("visitor", "stop", True),
    ]


def test_what_watches_a_session_renews_its_token_before_it_ends(
    evaluate: Evaluate,
) -> None:
    asked = evaluate(
        """const { SessionWatch } = await import("/playground/session_watch.js");
        const asked = [];
        const later = (ms) => new Date(Date.now() + ms).toISOString();
        globalThis.fetch = async (path, { method, headers }) => {
          asked.push([method, path, headers.authorization]);
          const fresh = { token: "second", expires_at: later(3_600_000) };
          return Response.json(method === "POST" ? fresh : { viewers: 1 });
        };
        const seen = [];
        const watch = new SessionWatch(null, (facts) => seen.push(facts));
        watch.follow("s1", "first", later(30_000));
        while (seen.length < 2) await new Promise((done) => setTimeout(done, 50));
        return [asked, watch.token, seen.map(({ expiresInS }) => expiresInS > 60)];"""
    )
    assert asked == [
        [
            ["GET", "/v1/sessions/s1", "Bearer first"],
            ["POST", "/v1/sessions/s1/keepalive", "Bearer first"],
            ["GET", "/v1/sessions/s1", "Bearer second"],
        ],
        "second",
        [True, True],
    ]
