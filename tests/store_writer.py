"""Adds and deletes identities until it is killed: run with a folder and a log file.

For each line on standard input it forks a writer with that seed and prints its process
id. What a writer begins and what it has done goes to the log, which outlives it.
"""

import os
import random
import signal
import sys
from pathlib import Path

from server.store import Card, IdentityStore


def portrait_of(identity_id: str) -> bytes:
    return identity_id.encode() * 400


def write_for_ever(folder: Path, log: int, seed: int) -> None:
    store, chance = IdentityStore(folder), random.Random(seed)
    kept = [path.name for path in folder.glob("idn_*")]

    def tell(*words: str) -> None:
        os.write(log, f"{' '.join(words)}\n".encode())

    for number in range(1_000_000):
        if kept and chance.random() < 0.4:
            identity_id = kept.pop(chance.randrange(len(kept)))
            tell("deleting", identity_id)
            store.delete(identity_id)
            tell("deleted", identity_id)
            continue
        identity_id = f"idn_{seed}_{number}"
        tell("adding", identity_id)
        draft = store.begin(identity_id, b"a photo" * 100)
        draft.portrait.write_bytes(portrait_of(identity_id))
        draft.preview.write_bytes(b"\x89PNG")
        store.publish(draft, Card(identity_id, "Ada", f"{seed:06}.{number:06}"))
        tell("added", identity_id)
        kept.append(identity_id)


def main() -> None:
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for line in sys.stdin:
        writer = os.fork()
        if writer == 0:
            write_for_ever(folder, log, int(line))
        sys.stdout.write(f"{writer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
