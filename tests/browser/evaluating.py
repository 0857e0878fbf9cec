"""What the fixture `evaluate` is: the body of an async function, and its argument."""

from collections.abc import Callable
from typing import Any

Evaluate = Callable[..., Any]
