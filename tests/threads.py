"""Threads that something left behind."""

import threading

POOLS = {
    "asyncio",
    "device",
    "ear",
    "opus",
    "portraits",
    "store",
    "tts",
    "vad",
    "video",
}


def strange_threads(before: set[threading.Thread]) -> list[str]:
    """New threads that no pool of the server accounts for.

    Pools grow to their bound as they are first used, so a count tells nothing. But a
    pool numbers its threads: one that a session had made for itself, and left, would
    show its `video_0` a second time.
    """
    names = [thread.name for thread in set(threading.enumerate()) - before]
    ours = [name for name in names if name != "AnyIO worker thread"]
    again = [name for name in ours if ours.count(name) > 1]
    return again + [name for name in ours if name.rsplit("_", 1)[0] not in POOLS]
