"""Messages: what is known is parsed, all else is told plainly and never repeated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import ApiError
from server.protocol import (
    MAX_MESSAGE_BYTES,
    ErrorEvent,
    SpeakAudio,
    SpeakText,
    SpeechStarted,
    parse_command,
)


def test_commands() -> None:
    text = parse_command('{"type": "avatar.speak_text", "event_id": "a", "text": "Hi"}')
    assert text == SpeakText(type="avatar.speak_text", event_id="a", text="Hi")
    audio = parse_command(b'{"type": "avatar.speak_audio", "sample_rate": 24000}')
    assert isinstance(audio, SpeakAudio) and audio.audio == ""


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{}",
        "\ud800",
        '{"type": "avatar.fly"}',
        '{"type": "avatar.speak_text"}',
        '{"type": "avatar.speak_text", "text": 3}',
        '{"type": "avatar.speak_text", "text": "x", "txet": "secret"}',
        '{"type": "avatar.speak_audio", "sample_rate": 7999}',
        '{"type": "avatar.interrupt", "event_id": "' + "x" * 200 + '"}',
    ],
)
def test_what_is_not_understood(message: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_command(message.encode("utf-8", "surrogatepass"))
    assert caught.value.status == 422
    assert caught.value.code == "bad_message"
    assert "secret" not in caught.value.message


def test_too_large() -> None:
    with pytest.raises(ApiError) as caught:
        parse_command("x" * (MAX_MESSAGE_BYTES + 1))
    assert caught.value.status == 413


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_nothing_but_api_errors(message: str | bytes) -> None:
    try:
        parse_command(message)
    except ApiError:
        pass


def test_events_leave_out_what_is_not_there() -> None:
    started = json.loads(SpeechStarted(utterance_id="u", media_ms=5).to_json())
    assert started == {
        "event_id": "",
        "type": "avatar.speech_started",
        "utterance_id": "u",
        "media_ms": 5,
    }
    assert json.loads(ErrorEvent(code="c", message="m").to_json())["retryable"] is False
