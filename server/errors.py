"""What a client is told when something cannot be done.

ApiError carries the HTTP status; a LikenessError from models/ gets one by its kind.
"""

from models.errors import (
    AudioError,
    BackdropError,
    EarError,
    IdentityError,
    LikenessError,
    PhotoError,
    RefineError,
    TextError,
    VoiceError,
    WeightsError,
)


class ApiError(Exception):
    """`code` is stable and for programs; the message is for people.

    status: the HTTP status of the answer.
    retry_after_s: when it makes sense to try again; None if it never does.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.headers: dict[str, str] = {}  # of the answer, beside Retry-After

    @property
    def retryable(self) -> bool:
        return self.retry_after_s is not None


_STATUS: dict[type[LikenessError], int] = {
    AudioError: 422,
    BackdropError: 422,
    EarError: 422,
    IdentityError: 422,
    PhotoError: 422,
    RefineError: 422,
    TextError: 422,
    VoiceError: 422,
    WeightsError: 503,
}


def api_error(error: LikenessError) -> ApiError:
    """The same error with a status."""
    kinds = [kind for kind in type(error).__mro__ if kind in _STATUS]
    return ApiError(_STATUS[kinds[0]] if kinds else 400, error.code, error.message)
