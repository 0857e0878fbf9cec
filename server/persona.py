"""How a session converses: what its operator or its maker asked for."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Interactivity = Literal["open_mic", "push_to_talk"]
Mode = Literal["full", "lite", "puppet"]

MAX_PROMPT_CHARS = 20_000


class Persona(BaseModel):
    """Who the portrait is; what is left out is the server's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str | None = Field(default=None, max_length=MAX_PROMPT_CHARS)
    greeting: str | None = Field(default=None, max_length=2_000)
    farewell: str | None = Field(default=None, max_length=2_000)
    filler: bool | None = None  # "Let me see." when an answer takes long
    silence_timeout_s: float | None = Field(default=None, ge=0, le=86_400)  # 0: never


@dataclass(frozen=True)
class Converse:
    """All that a conversation is begun with.

    voice: the session's own; None is the server's choice. own: the language it speaks.
    language: which the visitor speaks; None is to be found out, where the ear can.
    silence_s: nobody says anything for so long: farewell, and the end; 0 is never.
    """

    mode: Mode = "full"
    interactivity: Interactivity = "open_mic"
    keep_transcript: bool = False
    voice: str | None = None
    language: str | None = None
    own: str = "en-US"
    prompt: str = ""
    greeting: str = ""
    farewell: str = ""
    filler: bool = False
    silence_s: float = 0.0
