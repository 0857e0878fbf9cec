"""Which ear hears a language: Whisper where its weights are, else the embedded one."""

from collections.abc import Sequence

from models.errors import EarError
from models.stt.ear import Ear


def ear_for(ears: Sequence[Ear], language: str | None) -> Ear:
    """The first of `ears` that understands a language; None: any will do.

    Raises:
        EarError: "ear_missing", with the remedy.
    """
    for ear in ears:
        if language is None or ear.info.understands(language):
            return ear
    if not ears:
        raise EarError("ear_off", "This server does not listen. Typing works.")
    known = ", ".join(ear.info.name for ear in ears)
    raise EarError(
        "ear_missing",
        f"Nothing here understands spoken {language!r} ({known} does not). Typing "
        "works. To be heard, fetch Whisper weights on the server.",
    )
