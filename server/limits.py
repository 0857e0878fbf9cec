"""How long a session may live, and how much may be asked of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a session may live, in seconds; 0 is no limit where it says so."""

    connect_s: float
    absent_s: float
    silent_peer_s: float
    idle_s: float  # 0: none
    duration_s: float  # 0: none
    max_viewers: int
    max_sockets: int
    commands_per_s: int
