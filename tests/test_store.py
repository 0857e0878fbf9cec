"""The store of identities: whole or not there, whatever kills the process."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from server.store import Card, Consent, IdentityStore
from tests.store_writer import portrait_of

KILLS = 220
ROOT = Path(__file__).parent.parent


def add(store: IdentityStore, card: Card) -> None:
    draft = store.begin(card.identity_id, b"photo")
    draft.portrait.write_bytes(portrait_of(card.identity_id))
    draft.preview.write_bytes(b"\x89PNG")
    store.publish(draft, card)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identities")
    assert store.open() == ()
    consent = Consent("Ada", "That is me — 我同意。", "2030-01-01T00:00:00+00:00")
    cards = (
        Card("idn_a", "Ada", "1", consent=consent, content="ab", notes=("Small.",)),
        Card("idn_b", "鲍勃 بوب", "2", "prompt", synthetic=True, refined=True),
    )
    for card in reversed(cards):
        add(store, card)
    again = IdentityStore(tmp_path / "identities")
    assert again.open() == cards
    assert again.portrait("idn_b").read_bytes() == portrait_of("idn_b")
    again.delete("idn_a")
    again.delete("idn_a")
    assert again.open() == cards[1:]


def test_a_photo_does_not_outlive_its_enrolment(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    store.open()
    add(store, Card("idn_a", "", "1"))
    draft = store.begin("idn_b", b"photo")
    assert list(tmp_path.rglob("photo")) == [draft.photo]
    store.delete("idn_b")  # while it is made
    assert not list(tmp_path.rglob("photo"))


@pytest.mark.parametrize("name", ["record.json", "portrait.safetensors", "preview.png"])
@pytest.mark.parametrize("how", ["cut", "missing", "garbled"])
def test_a_damaged_identity_does_not_show(tmp_path: Path, name: str, how: str) -> None:
    store = IdentityStore(tmp_path)
    store.open()
    add(store, Card("idn_a", "", "1"))
    add(store, Card("idn_b", "", "2"))
    file = tmp_path / "idn_a" / name
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-3])
    else:
        file.write_bytes(b'{"name": 3}')
    assert [card.identity_id for card in store.open()] == ["idn_b"]


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = IdentityStore(tmp_path)
    store.open()

    def full(_path: Path, *_args: object) -> int:
        raise OSError(28, "No space left on device")

    draft = store.begin("idn_a", b"photo")
    draft.portrait.write_bytes(b"p")
    draft.preview.write_bytes(b"p")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            store.publish(draft, Card("idn_a", "", "1"))
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            store.begin("idn_b", b"photo")
    assert list(tmp_path.iterdir()) == []


def test_files_reach_the_disk_before_the_name_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill cannot show and a power cut would: the order of syncs."""
    did: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def spy_fsync(handle: int) -> None:
        did.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        real_fsync(handle)

    def spy_rename(path: Path, target: Path) -> Path:
        did.append(f"{path.name} -> {target.name}")
        return real_rename(path, target)

    store = IdentityStore(tmp_path / "s")
    store.open()
    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "rename", spy_rename)
    add(store, Card("idn_a", "", "1"))
    draft = f".idn_a.{os.getpid()}.draft"
    names = ["portrait.safetensors", "preview.png", "record.json", draft]
    assert did == [*names, f"{draft} -> idn_a", "s"]
    did.clear()
    store.delete("idn_a")
    assert did == ["idn_a -> .idn_a.gone", "s", "s"]


def test_a_start_leaves_what_another_process_is_making(tmp_path: Path) -> None:
    IdentityStore(tmp_path).open()
    alive = tmp_path / f".idn_a.{os.getppid()}.draft"
    left = [tmp_path / name for name in (".idn_b.999999999.draft", ".idn_c.x.draft")]
    for folder in (alive, *left):
        folder.mkdir()
    IdentityStore(tmp_path).open()
    assert alive.is_dir() and not any(folder.exists() for folder in left)


def test_no_identity_is_lost_or_half_there_after_kills(tmp_path: Path) -> None:
    folder, log = tmp_path / "identities", tmp_path / "log"
    IdentityStore(folder).open()
    command = [sys.executable, "-m", "tests.store_writer", str(folder), str(log)]
    chance = random.Random(0)
    begun: Counter[str] = Counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as nursery:
        assert nursery.stdin and nursery.stdout
        log.touch()
        known: set[str] = set()
        for seed in range(KILLS):
            start = log.stat().st_size
            print(seed, file=nursery.stdin, flush=True)
            writer = int(nursery.stdout.readline())
            wait_until(lambda: log.stat().st_size > start)  # noqa: B023
            time.sleep(chance.uniform(0, 0.03))
            os.kill(writer, signal.SIGKILL)
            wait_until(lambda: not alive(writer))  # noqa: B023
            with log.open() as file:
                file.seek(start)
                lines = file.read().splitlines()
            known, in_doubt = expected(known, lines)
            begun[lines[-1].split()[0]] += 1
            cards = IdentityStore(folder).open()
            found = {card.identity_id for card in cards}
            assert known - in_doubt <= found <= known | in_doubt, seed
            for each in found:
                portrait = IdentityStore(folder).portrait(each).read_bytes()
                assert portrait == portrait_of(each)
            left = {path.name for path in folder.iterdir()} - found
            assert not left, "swept"
            known = found
    assert begun["adding"] > 20 and begun["deleting"] > 5, "killed at work, not between"


def expected(known: set[str], lines: list[str]) -> tuple[set[str], set[str]]:
    """What must be there after these lines, and what may be or not."""
    now, in_doubt = set(known), set()
    for line in lines:
        what, identity_id = line.split()
        if what in ("adding", "deleting"):
            in_doubt = {identity_id}
        elif what == "added":
            now.add(identity_id)
            in_doubt = set()
        else:
            now.discard(identity_id)
            in_doubt = set()
    return now, in_doubt


def alive(process: int) -> bool:
    """Another's child cannot be waited for as one's own."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.0005)
