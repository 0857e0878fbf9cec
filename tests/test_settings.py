"""Settings come from the environment, and an open door is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from server.settings import Settings, default_data_dir, is_loopback


def test_defaults_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.ice_urls == ()


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("LIKENESS_API_KEY", "secret")
    monkeypatch.setenv("LIKENESS_ICE_URLS", "stun:a:3478 turn:b:3478")
    monkeypatch.setenv("LIKENESS_MAX_SESSIONS", "3")
    settings = Settings()
    assert (settings.host, settings.port, settings.max_sessions) == ("0.0.0.0", 9000, 3)
    assert settings.ice_urls == ("stun:a:3478", "turn:b:3478")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_another_address_needs_a_key(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", host)
    with pytest.raises(ValidationError, match="LIKENESS_API_KEY"):
        Settings()
    monkeypatch.setenv("LIKENESS_API_KEY", "")
    with pytest.raises(ValidationError, match="LIKENESS_API_KEY"):
        Settings()


def test_bitrates_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_MIN_VIDEO_BITRATE_BPS", "2000000")
    with pytest.raises(ValidationError, match="in order"):
        Settings()


def test_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]"))
    assert is_loopback("localhost")
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "localhost.evil.org"))


def test_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert default_data_dir() == Path("/x/likeness")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_data_dir() == Path.home() / ".local/share/likeness"
