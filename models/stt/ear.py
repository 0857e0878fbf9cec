"""What an ear is: sound of a turn in, its words out, also while it is coming."""

from dataclasses import dataclass
from typing import Protocol

from models.media import FloatArray

ANY_LANGUAGE = "*"
LONGEST_TURN_S = 60.0  # what comes after it in one breath is not written down


@dataclass(frozen=True)
class EarInfo:
    """languages: BCP 47 primary tags, or ANY_LANGUAGE.

    basic: it makes many mistakes, and people should be told.
    detects: it finds out itself which language is spoken.
    """

    name: str
    languages: tuple[str, ...]
    basic: bool
    detects: bool

    def understands(self, language: str) -> bool:
        primary = language.replace("_", "-").split("-")[0].casefold()
        return ANY_LANGUAGE in self.languages or primary in self.languages


@dataclass(frozen=True)
class Heard:
    """What was said; empty when there were no words. language: BCP 47."""

    text: str
    language: str


class Recognition(Protocol):
    """One turn being heard. For one thread at a time; each call may take long."""

    def push(self, samples: FloatArray) -> None:
        """Hear float32 [n] at 16 kHz, -1 to 1."""
        ...

    def partial(self) -> str:
        """The words so far; later ones may correct them."""
        ...

    def finish(self) -> Heard:
        """All of it; nothing can be pushed from then on."""
        ...

    def close(self) -> None:
        """Give everything back; also after finish, also twice."""
        ...


class Ear(Protocol):
    """Shared by all sessions; from any thread."""

    @property
    def info(self) -> EarInfo: ...

    def warm_up(self) -> None:
        """Load what the first turn would wait for.

        Raises:
            EarError: it cannot be loaded.
        """
        ...

    def listen(self, language: str | None, *, brief: bool = False) -> Recognition:
        """Begin a turn; language None: to be found out.

        brief: it is one short word, which may ask the speaker to stop (stop_words.py).

        Raises:
            EarError: it cannot hear now.
        """
        ...

    def close(self) -> None: ...
