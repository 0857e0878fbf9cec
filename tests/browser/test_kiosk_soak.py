"""The short form of scripts.soak_kiosk: one visit with each kind of failure."""

from scripts.soak_kiosk import FAULTS, problems, run, staged


def test_it_speaks_again_after_each_failure_and_keeps_nothing() -> None:
    with staged() as stage:
        visits = run(stage, 0, list(FAULTS))
    assert [visit.fault for visit in visits] == ["none", *FAULTS]
    assert problems(visits) == []
