"""The server's place among the machine's programs."""

import os


def take_precedence(niceness: int) -> bool:
    """Ask for a place before or behind other programs; False where it is not given.

    niceness: as of nice(1). Threads that are there already stay where they are.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    except (AttributeError, OSError):  # no such call; not allowed
        return False
    return True
