"""Every setting, from the environment alone.

HOST and PORT are bare; all others carry the prefix LIKENESS_.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.weights import default_data_dir

__all__ = ["Settings", "default_data_dir", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """What an operator can choose; each field is LIKENESS_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="LIKENESS_", frozen=True)

    host: str = Field(
        default="127.0.0.1", validation_alias=AliasChoices("HOST", "host")
    )
    port: int = Field(
        default=8080, ge=0, le=65535, validation_alias=AliasChoices("PORT", "port")
    )
    log_level: str = "INFO"
    data_dir: Path = Field(default_factory=default_data_dir)
    weights_dir: Path | None = (
        None  # where downloaded weights lie; else the data folder
    )

    # who may come in
    api_key: SecretStr | None = None  # needed on any address but loopback
    allowed_origins: tuple[str, ...] = ()  # other sites whose pages may call us
    token_ttl_s: float = Field(default=3600, gt=0)
    requests_per_minute: int = Field(default=600, ge=1)  # per client address

    # sessions
    max_sessions: int = Field(default=8, ge=1)
    max_viewers: int = Field(default=8, ge=1)  # of one session
    connect_timeout_s: float = Field(
        default=15, gt=0
    )  # ICE never fails by itself in aiortc
    absent_timeout_s: float = Field(
        default=5, ge=0
    )  # a gone viewer may come back in this
    silent_peer_timeout_s: float = Field(default=15, gt=0)  # without any RTCP
    idle_timeout_s: float = Field(
        default=3600, ge=0
    )  # no command and no keep-alive; 0: never
    max_duration_s: float = Field(default=0, ge=0)  # 0: no limit
    max_text_chars: int = Field(default=20_000, ge=1)
    max_queued_utterances: int = Field(default=64, ge=1)

    # media
    device: str = "cpu"
    torch_threads: int = Field(default=1, ge=1)
    release_lead_ms: int = Field(
        default=30, ge=5, le=39
    )  # what a frame may take to be made
    frames_ahead: int = Field(
        default=2, ge=0, le=10
    )  # pictures are made so early where the sound is known
    video_bitrate_bps: int = Field(default=1_500_000, ge=100_000)
    min_video_bitrate_bps: int = Field(default=250_000, ge=50_000)
    max_video_bitrate_bps: int = Field(default=3_000_000, ge=100_000)
    audio_bitrate_bps: int = Field(default=48_000, ge=6_000, le=256_000)
    # space-separated, for example "stun:a.example:3478 turn:b.example:3478"
    ice_urls: Annotated[tuple[str, ...], NoDecode] = ()
    turn_username: str = ""
    turn_credential: SecretStr = SecretStr("")

    # identities
    max_photo_bytes: int = Field(default=25_000_000, ge=1)
    max_identities: int = Field(default=1_000, ge=1)
    max_queued_enrolments: int = Field(default=8, ge=1)
    enrol_timeout_s: float = Field(default=120, gt=0)

    @property
    def weights(self) -> Path:
        """Where downloaded weights lie."""
        return self.weights_dir or self.data_dir

    @model_validator(mode="before")
    @classmethod
    def _split_urls(cls, values: dict[str, object]) -> dict[str, object]:
        urls = values.get("ice_urls")
        if isinstance(urls, str):
            values["ice_urls"] = tuple(urls.split())
        return values

    @model_validator(mode="after")
    def _closed_unless_local(self) -> Self:
        if not is_loopback(self.host) and self.api_key is None:
            raise ValueError(
                f"HOST is {self.host}, which other machines can reach: "
                "set LIKENESS_API_KEY to a secret, or HOST to 127.0.0.1"
            )
        if not (
            self.min_video_bitrate_bps
            <= self.video_bitrate_bps
            <= self.max_video_bitrate_bps
        ):
            raise ValueError("the video bitrates must be in order: min, start, max")
        return self

    @field_validator("api_key")
    @classmethod
    def _no_empty_key(cls, key: SecretStr | None) -> SecretStr | None:
        """An empty variable is one that was not set."""
        return key if key and key.get_secret_value().strip() else None
