"""Errors a user can do something about: what, where and the remedy.

LikenessError
├── PhotoError      a picture that cannot become an identity
├── IdentityError   an identity file that cannot be read
├── TextError       text that cannot be spoken
├── VoiceError      a voice or language that is not here
├── AudioError      sound that cannot be read
├── BackdropError   a background that cannot be shown
├── EarError        speech that cannot be heard
├── RefineError     a portrait that Stable Diffusion cannot make so
└── WeightsError    model weights that are missing or damaged
"""


class LikenessError(Exception):
    """`code` is stable and for programs; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PhotoError(LikenessError):
    """A picture that cannot become an identity."""


class IdentityError(LikenessError):
    """An identity file that cannot be read."""


class TextError(LikenessError):
    """Text that cannot be spoken."""


class VoiceError(LikenessError):
    """A voice or language that is not here."""


class AudioError(LikenessError):
    """Sound that cannot be read."""


class BackdropError(LikenessError):
    """A background that cannot be shown."""


class EarError(LikenessError):
    """Speech that cannot be heard."""


class RefineError(LikenessError):
    """A portrait that Stable Diffusion cannot make so."""


class WeightsError(LikenessError):
    """Model weights that are missing or damaged."""
