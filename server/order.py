"""What an enrolment is asked for, checked: photo, name, framing, consent."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from models.crop import PictureSize
from models.refining import OFF, Refining
from server.errors import ApiError
from server.refining import to_options
from server.store import Consent, Source

MAX_NAME_CHARS = 100
MAX_STATEMENT_CHARS = 2_000

# Joiners shape Persian, Indic and emoji names; other invisible characters only mislead.
_KEPT_INVISIBLE = "\u200c\u200d"
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_NO = {"", "0", "false", "no", "off", "none", "null", "undefined"}


def now() -> str:
    """RFC 3339, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Framing:
    """face: which, counted from 1, where the photo shows several."""

    face: int | None = None
    size: PictureSize = PictureSize(512, 512)

    def arguments(self) -> list[str]:
        """Of the enrolment process."""
        size = f"--size={self.size.width}x{self.size.height}"
        return [size] if self.face is None else [size, f"--face={self.face}"]


@dataclass(frozen=True)
class Order:
    """photo: empty for a portrait made of the prompt that `refining` has.
    consent: nobody needs to agree where no real person is shown."""

    photo: bytes
    name: str = ""
    framing: Framing = Framing()
    consent: Consent | None = None
    source: Source = "photo"
    refining: Refining = OFF

    def arguments(self) -> list[str]:
        """Of the enrolment process, beside the files."""
        of_prompt = ["--from-prompt"] if self.source == "prompt" else []
        return [*self.framing.arguments(), *to_options(self.refining), *of_prompt]

    @property
    def content(self) -> str:
        """Digest of all that decides what is made, and for whom.

        The same photo, options, name and consenting person are the same identity; two
        people's never are, so that neither deletes the other's.
        """
        digest = hashlib.sha256()
        by = self.consent.by if self.consent else ""
        for part in (self.name, by, self.source, *self.arguments()):
            digest.update(part.encode() + b"\0")
        digest.update(self.photo)
        return digest.hexdigest()


def read_name(text: str, what: str = "name") -> str:
    """A name in any language, as one line of composed characters (NFC).

    Raises:
        ApiError: 422, too long, or with characters that cannot be seen.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) > MAX_NAME_CHARS:
        raise ApiError(
            422, "bad_name", f"The {what} has over {MAX_NAME_CHARS} characters."
        )
    if any(map(_refused, name)):
        raise ApiError(
            422, "bad_name", f"The {what} has control characters: leave them out."
        )
    return name


def read_consent(statement: str, by: str) -> Consent:
    """Who agreed to what, now.

    Raises:
        ApiError: 422, consent is missing, or what stands for it is no statement.
    """
    statement = unicodedata.normalize("NFC", statement).strip()
    by = read_name(by, "consent_by")
    if not by or statement.casefold() in _NO:
        raise ApiError(
            422,
            "consent_required",
            "A photo needs the agreement of the person it shows: send `consent`, the "
            "statement that was accepted, and `consent_by`, who accepted it.",
        )
    if len(statement) > MAX_STATEMENT_CHARS or any(
        _refused(char) and not char.isspace() for char in statement
    ):
        raise ApiError(
            422,
            "bad_consent",
            f"A statement of consent is text of at most {MAX_STATEMENT_CHARS} "
            "characters.",
        )
    return Consent(by, statement, now())


def _refused(char: str) -> bool:
    category = unicodedata.category(char)
    return char not in _KEPT_INVISIBLE and category in _REFUSED_CATEGORIES
