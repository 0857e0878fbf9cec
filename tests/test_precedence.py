"""Whether the server goes before the programs that can wait."""

import os
import subprocess
import sys

import pytest

from scripts import doctor_machine
from scripts.live_process import server
from server.precedence import take_precedence


def test_the_server_takes_the_place_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_NICENESS", "7")
    with server("scripts.flash_server") as live:
        assert os.getpriority(os.PRIO_PROCESS, live.pid) == 7


def test_without_the_right_it_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    assert not take_precedence(-10)


def test_the_doctor_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_NICENESS", "3")
    (found,) = doctor_machine.precedence()
    assert (found.mark, found.detail) == ("ok", "nice 3")


def test_an_enrolment_gives_way_however_high_the_server_stands() -> None:
    """It is nice by an absolute figure: the server's own is inherited."""
    program = (
        "import os, sys; sys.argv = ['', 'no', 'a', 'b', '--niceness=10']\n"
        "from server.enrolment import main\n"
        "main(); main(); sys.exit(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 10
