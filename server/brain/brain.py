"""What a brain is: a conversation in, words out, as they come to its mind."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]


class BrainError(Exception):
    """No answer, or not all of it. code: for programs; the message is for people."""

    def __init__(self, code: str, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


@dataclass(frozen=True)
class Message:
    """One thing that was really said, by whom; as a system's, what it shall be like."""

    role: Role
    text: str


@dataclass(frozen=True)
class Asked:
    """What is to be answered.

    messages: the conversation, oldest first; the last one is the visitor's.
    language: BCP 47, in which to answer if the question does not tell.
    handed_over: to be called when a person was called, with whether one was reached.
    """

    messages: Sequence[Message]
    language: str
    session_id: str = ""
    handed_over: Callable[[bool], None] = lambda called: None

    @property
    def question(self) -> str:
        return self.messages[-1].text if self.messages else ""


class Brain(Protocol):
    """Shared by all sessions."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def expects(self) -> Sequence[str]:
        """Questions that it knows, as people may ask them."""
        ...

    def answer(self, asked: Asked) -> AsyncGenerator[str, None]:
        """The answer in pieces of any length; closing the iterator ends the work.

        "[happy]" and the other emotions in brackets are the face's from there on.

        Raises:
            BrainError: at any point.
        """
        ...

    async def close(self) -> None: ...
