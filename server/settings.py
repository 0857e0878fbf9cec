"""Every setting, from the environment alone.

HOST and PORT are bare; all others carry the prefix LIKENESS_. A secret may stand in a
file instead: LIKENESS_API_KEY_FILE names the one that holds LIKENESS_API_KEY.
"""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from models.weights import default_data_dir
from server.secret_files import SecretFiles

__all__ = ["Settings", "default_data_dir", "is_loopback", "misnamed"]


DEFAULT_KEY = "default"  # the name of LIKENESS_API_KEY among the keys
LOCAL = "local"  # the name of whoever calls a server that is open


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def misnamed(environment: Iterable[str]) -> list[str]:
    """The variables that look like settings and are none: most likely misspelt."""
    bare = {"host", "port"}
    known = {f"LIKENESS_{name.upper()}" for name in Settings.model_fields.keys() - bare}
    return sorted(
        name
        for name in environment
        if name.upper().startswith("LIKENESS_")
        and name.upper().removesuffix("_FILE") not in known
    )


class ApiKey(BaseModel):
    """A key of LIKENESS_API_KEYS, and the other sites whose pages may use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr = Field(min_length=1)
    origins: tuple[str, ...] = ()


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
    log_format: Literal["text", "json"] = "text"
    data_dir: Path = Field(default_factory=default_data_dir)
    weights_dir: Path | None = (
        None  # where downloaded weights lie; else the data folder
    )

    # As of nice(1), where the system lets the server have it: what is not drawn or sent
    # in time is lost, so it goes before programs that can wait (PulseAudio takes -11).
    niceness: int = Field(default=-10, ge=-20, le=19)

    # who may come in
    api_key: SecretStr | None = None  # needed on any address but loopback
    # more keys, by name: {"shop": {"key": "...", "origins": ["https://shop.example"]}}
    api_keys: dict[str, ApiKey] = {}
    allowed_origins: tuple[str, ...] = ()  # other sites whose pages may use any key
    token_secret: SecretStr | None = Field(default=None, min_length=32)  # else random
    token_ttl_s: float = Field(default=3600, gt=0)
    requests_per_minute: int = Field(default=600, ge=1)  # per client address
    commands_per_second: int = Field(default=200, ge=1)  # per session
    metrics_open: bool = False  # /metrics needs no key, where there are keys

    # sessions
    max_sessions: int = Field(default=8, ge=1)
    max_viewers: int = Field(default=8, ge=1)  # of one session
    max_sockets: int = Field(default=16, ge=1)  # that read one session's events
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
    drain_s: float = Field(default=5, ge=0)  # sessions may go on so long after SIGTERM

    # conversation
    ear: str = ""  # whisper-small, ...; "embedded"; "off"; else the best that is here
    brain_url: str = ""  # of an OpenAI-compatible endpoint: http://127.0.0.1:11434/v1
    brain_model: str = ""
    brain_key: SecretStr = SecretStr("")
    brain_prompt: str = ""  # who the portrait is; else a plain one
    brain_timeout_s: float = Field(default=8, gt=0, le=120)  # without a word from it
    brain_tools: Path | None = None  # a JSON file of functions that are web services
    knowledge_dir: Path | None = None  # Markdown and YAML, for the embedded brain
    handover_url: str = ""  # is told when somebody asks for a person
    greeting: str = ""
    farewell: str = ""
    filler: bool = True  # "Let me see." where an answer takes over 0.7 s
    silence_timeout_s: float = Field(default=0, ge=0)  # farewell, and the end; 0: never

    # media
    device: str = "cpu"
    torch_threads: int = Field(default=1, ge=1)
    # of the lips: sound known so long before it is played
    look_ahead_ms: Literal[0, 40, 80] = 80
    puppet_look_ahead_ms: Literal[0, 40, 80] = 40  # of live voices, that much later
    release_lead_ms: int = Field(
        default=20, ge=5, le=39
    )  # a picture may take 20 ms longer to be made: it leaves after its sound
    frames_ahead: int = Field(
        default=3, ge=0, le=10
    )  # pictures are made so early where the sound is known
    video_bitrate_bps: int = Field(default=1_500_000, ge=100_000)
    min_video_bitrate_bps: int = Field(default=250_000, ge=50_000)
    max_video_bitrate_bps: int = Field(default=3_000_000, ge=100_000)
    audio_bitrate_bps: int = Field(default=48_000, ge=6_000, le=256_000)
    # network: space-separated, for example "stun:a.example:3478 turn:b.example:3478"
    ice_urls: Annotated[tuple[str, ...], NoDecode] = ()
    ice_for_clients_only: bool = False  # true where this machine has a public address
    turn_secret: SecretStr | None = None  # as the TURN server's static-auth-secret
    turn_ttl_s: float = Field(default=14_400, gt=0)  # of a credential made from it
    turn_username: str = ""  # or one fixed name and credential for all
    turn_credential: SecretStr | None = None
    udp_ports: str = Field(default="", pattern=r"^(\d{1,5}-\d{1,5})?$")  # any

    mark_video: bool = False  # every picture says that it is AI-generated

    # identities
    max_photo_bytes: int = Field(default=25_000_000, ge=1)
    max_identities: int = Field(default=1_000, ge=1)
    max_queued_enrolments: int = Field(default=8, ge=1)
    enrol_timeout_s: float = Field(default=120, gt=0)
    refine_timeout_s: float = Field(default=3600, gt=0)  # with Stable Diffusion
    diffusion_model: str = "sd15"  # or sd-turbo, or a local diffusers folder
    diffusion_device: str = ""  # cpu, cuda; empty: as `device`

    @property
    def weights(self) -> Path:
        """Where downloaded weights lie."""
        return self.weights_dir or self.data_dir

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFiles(settings_cls)

    @property
    def keys(self) -> dict[str, ApiKey]:
        """All keys by their names; none where the server is open."""
        own = {DEFAULT_KEY: ApiKey(key=self.api_key)} if self.api_key else {}
        return {**self.api_keys, **own}

    @property
    def port_range(self) -> range | None:
        """The UDP ports that media may use; None for any."""
        if not self.udp_ports:
            return None
        first, last = map(int, self.udp_ports.split("-"))
        return range(first, last + 1)

    @field_validator("ice_urls", mode="before")
    @classmethod
    def _split_urls(cls, urls: object) -> object:
        return tuple(urls.split()) if isinstance(urls, str) else urls

    @field_validator("ice_urls")
    @classmethod
    def _known_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        # Here, as settings are read by programs that have no other use for aiortc.
        from aiortc.rtcicetransport import parse_stun_turn_uri

        for url in urls:
            try:
                parse_stun_turn_uri(url)
            except ValueError:
                raise ValueError(f"{url!r} is not a stun: or turn: address") from None
        return urls

    @field_validator("api_key", "token_secret", "turn_secret", "turn_credential")
    @classmethod
    def _no_empty_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value().strip():
            raise ValueError("it is empty: give it a value, or do not set it")
        return secret

    @field_validator("udp_ports")
    @classmethod
    def _ports_in_order(cls, ports: str) -> str:
        first, _, last = ports.partition("-")
        if ports and not 1024 <= int(first) <= int(last) <= 65535:
            raise ValueError("give the first and the last port, from 1024 to 65535")
        return ports

    @model_validator(mode="after")
    def _closed_unless_local(self) -> Self:
        if not is_loopback(self.host) and not self.keys:
            raise ValueError(
                f"HOST is {self.host}, which other machines can reach: "
                "set LIKENESS_API_KEY to a secret, or HOST to 127.0.0.1"
            )
        if {DEFAULT_KEY, LOCAL} & self.api_keys.keys():
            raise ValueError(f"no key may be named {DEFAULT_KEY} or {LOCAL}")
        if self.brain_url and not self.brain_model:
            raise ValueError("LIKENESS_BRAIN_URL needs LIKENESS_BRAIN_MODEL too")
        for url in (self.brain_url, self.handover_url):
            if url and not url.startswith(("http://", "https://")):
                raise ValueError(f"{url} is not an address of http or https")
        return self

    @model_validator(mode="after")
    def _bitrates_in_order(self) -> Self:
        if not (
            self.min_video_bitrate_bps
            <= self.video_bitrate_bps
            <= self.max_video_bitrate_bps
        ):
            raise ValueError("the video bitrates must be in order: min, start, max")
        return self
