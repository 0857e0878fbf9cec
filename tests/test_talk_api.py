"""Conversation over the wire: a microphone by WebRTC, refusals, transcripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.media import PLAYOUT_RATE_HZ
from scripts.bench_turn import Voice
from scripts.live_client import LiveClient
from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.speech import question


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(tmp_path, greeting="Hello.", silence_timeout_s=0)
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


async def made(live: Live, **body: object) -> dict[str, str]:
    answer = await live.http.post("/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def command(live: Live, session_id: str, **body: object) -> tuple[int, str]:
    answer = await live.http.post(f"/v1/sessions/{session_id}/commands", json=body)
    return answer.status_code, answer.json().get("code", "")


async def test_a_question_by_microphone_is_understood_and_answered(live: Live) -> None:
    voice = Voice()
    session = await made(live, keep_transcript=True)
    async with LiveClient(
        live.url, session_id=session["session_id"], microphone=voice
    ) as client:
        await client.ready()
        hearing = await client.event("session.hearing")
        assert hearing["available"] and hearing["listening"] and hearing["basic"]
        await client.event("avatar.speech_ended")  # the greeting
        voice.say(question("voice", PLAYOUT_RATE_HZ))
        heard = await client.event("user.transcript")
        assert heard["source"] == "voice" and heard["text"].startswith("heard ")
        kinds = [event["type"] for _, event in client.events]
        assert kinds.index("user.speech_started") < kinds.index("user.transcript.delta")
        assert kinds.index("user.transcript.delta") < kinds.index("user.speech_ended")
        await client.until(lambda: len(client.found("avatar.speech_ended")) == 2)
        path = f"/v1/sessions/{client.session_id}/transcript"
        said = (await live.http.get(path)).json()["lines"]
        vtt = (await live.http.get(path, params={"format": "vtt"})).text
        await client.delete()
    assert [line["speaker"] for line in said] == ["portrait", "visitor", "portrait"]
    assert said[0]["text"] == "Hello." and said[2]["text"].startswith("You said heard")
    assert vtt.startswith("WEBVTT") and "<v Visitor>heard" in vtt
    gone = await live.http.get(path)
    assert gone.status_code == 410


async def test_no_transcript_is_kept_unless_asked(live: Live) -> None:
    session = await made(live)
    answer = await live.http.get(f"/v1/sessions/{session['session_id']}/transcript")
    assert (answer.status_code, answer.json()["code"]) == (404, "transcript_not_kept")


async def test_lite_mode_refuses_to_think(live: Live) -> None:
    session = await made(live, mode="lite")
    for kind in ("avatar.respond", "avatar.start_listening"):
        body = {"text": "hello"} if kind == "avatar.respond" else {}
        refused = await command(live, session["session_id"], type=kind, **body)
        assert refused == (409, "mode_lite")
    said = await command(
        live, session["session_id"], type="avatar.speak_text", text="Still speaks."
    )
    assert said == (202, "")


async def test_what_cannot_be_answered_is_refused(live: Live) -> None:
    session = await made(live)
    for text, expected in (
        ("", (422, "text_empty")),
        ("x" * 20_001, (413, "text_too_long")),
    ):
        got = await command(
            live, session["session_id"], type="avatar.respond", text=text
        )
        assert got == expected


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "half"},
        {"interactivity": "telepathy"},
        {"persona": {"prompt": 5}},
        {"persona": {"silence_timeout_s": -1}},
        {"persona": {"prompt": "x" * 20_001}},
        {"persona": {"unknown": 1}},
    ],
)
async def test_bad_wishes_are_refused(live: Live, body: dict[str, object]) -> None:
    answer = await live.http.post("/v1/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
    assert len(live.services.sessions) == 0


async def test_a_voice_that_is_not_there_is_told_and_changes_nothing(
    live: Live,
) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        client.send("avatar.set", voice="no such voice", event_id="v1")
        error = await client.event("error")
        assert (error["code"], error["source_event_id"]) == ("voice_unknown", "v1")
        client.send("avatar.set", language="de-DE")
        await client.until(lambda: len(client.found("session.hearing")) > 1)
        (session,) = live.services.sessions
        assert session.dialogue.how.own == "de-DE"
        await client.delete()
