"""Settings come from the environment, and an open door is refused."""

import json
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from server.settings import Settings, default_data_dir, is_loopback, misnamed

ROOT = Path(__file__).parent.parent


def test_defaults_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.ice_urls == ()


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("LIKENESS_API_KEY", "hunter2")
    monkeypatch.setenv("LIKENESS_ICE_URLS", "stun:a:3478 turn:b:3478")
    monkeypatch.setenv("LIKENESS_MAX_SESSIONS", "3")
    settings = Settings()
    assert (settings.host, settings.port, settings.max_sessions) == ("0.0.0.0", 9000, 3)
    assert settings.ice_urls == ("stun:a:3478", "turn:b:3478")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_another_address_needs_a_key(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", host)
    with pytest.raises(ValidationError, match="LIKENESS_API_KEY"):
        Settings()
    monkeypatch.setenv("LIKENESS_API_KEY", "")
    with pytest.raises(ValidationError, match="it is empty"):
        Settings()


def test_bitrates_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_MIN_VIDEO_BITRATE_BPS", "2000000")
    with pytest.raises(ValidationError, match="in order"):
        Settings()


def test_each_is_written_down_with_its_default() -> None:
    text = (ROOT / "SETTINGS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", text, re.M)
    written = dict(rows)
    assert len(written) == len(rows)
    bare = {"host": "HOST", "port": "PORT"}
    for name, field in Settings.model_fields.items():
        said = written.pop(bare.get(name, f"LIKENESS_{name.upper()}"))
        default = None if field.default_factory else field.default
        if default in (None, "", ()) and not said:
            continue
        if isinstance(default, SecretStr):
            assert not said and not default.get_secret_value(), name
        elif isinstance(default, str):
            assert said == default, name
        else:
            assert json.loads(said) == (list(default) if default == () else default)
    assert not written, "there are no such settings"


def test_a_misspelt_name_is_noticed() -> None:
    right = ["PATH", "HOST", "LIKENESS_API_KEY_FILE", "LIKENESS_EAR", "likeness_ear"]
    assert misnamed(right) == []
    wrong = ["LIKENESS_API_KYE", "LIKENESS_PORT"]
    assert misnamed([*wrong, *right]) == wrong


def test_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]"))
    assert is_loopback("localhost")
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "localhost.evil.org"))


def test_data_dir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert default_data_dir() == Path("/x/likeness")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_data_dir() == Path.home() / ".local/share/likeness"


def test_secrets_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    monkeypatch.setenv("LIKENESS_API_KEY_FILE", str(secret))
    with pytest.raises(ValueError, match="LIKENESS_API_KEY_FILE cannot be read"):
        Settings()
    secret.write_text("\n")
    with pytest.raises(ValueError, match="LIKENESS_API_KEY_FILE is empty"):
        Settings()
    secret.write_text("hunter2\n")
    assert Settings().keys["default"].key.get_secret_value() == "hunter2"
    monkeypatch.setenv("LIKENESS_API_KEY", "other")
    with pytest.raises(ValueError, match="not both"):
        Settings()


def test_several_keys_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"shop": {"key": "a", "origins": ["https://shop.example"]}}')
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("LIKENESS_API_KEYS_FILE", str(keys))
    assert Settings().keys["shop"].origins == ("https://shop.example",)
    monkeypatch.setenv("LIKENESS_API_KEY", "b")
    assert set(Settings().keys) == {"shop", "default"}
    keys.write_text('{"local": {"key": "a"}}')
    with pytest.raises(ValidationError, match="named"):
        Settings()
    keys.write_text('{"shop": {"key": ""}}')
    with pytest.raises(ValidationError, match="at least 1"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LIKENESS_TOKEN_SECRET", "short", "at least 32"),
        ("LIKENESS_TURN_SECRET", " ", "empty"),
        ("LIKENESS_UDP_PORTS", "50100-50000", "first and the last"),
        ("LIKENESS_UDP_PORTS", "80-90", "from 1024"),
        ("LIKENESS_UDP_PORTS", "many", "pattern"),
        ("LIKENESS_ICE_URLS", "http://turn.example", "stun: or turn:"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=problem):
        Settings()


def test_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().port_range is None
    monkeypatch.setenv("LIKENESS_UDP_PORTS", "50000-50009")
    assert Settings().port_range == range(50000, 50010)
