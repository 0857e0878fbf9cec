"""Quality steps down in its order, and up again only where that holds."""

from hypothesis import given
from hypothesis import strategies as st

from server.quality import (
    LONGEST_PATIENCE_S,
    MISSED_SECONDS,
    PATIENCE_S,
    SETTLING_S,
    STEPS,
    Ladder,
    Second,
)

BAD = Second(due=25, missed=5, busy=0.9)
FINE = Second(due=25, missed=0, busy=0.2)
FULL = Second(due=25, missed=0, busy=0.8)
SPEAKING = Second(due=25, missed=5, busy=0.9, speaking=1, quiet=0)


def test_the_order_is_rate_of_idle_sessions_then_size_then_admission() -> None:
    for worse, better in zip(STEPS[1:], STEPS, strict=False):
        assert worse.idle_every >= better.idle_every
        assert worse.share <= better.share
        assert worse.admits <= better.admits
    smaller = next(step for step in STEPS if step.share < 1)
    slowest = max(step.idle_every for step in STEPS)
    assert smaller.idle_every == slowest, "size gives way after the frame rate"
    closed = next(step for step in STEPS if not step.admits)
    assert closed.share == min(step.share for step in STEPS)
    assert closed is STEPS[-1] and STEPS[0].idle_every == 1


def test_a_hitch_changes_nothing() -> None:
    ladder = Ladder()
    for _ in range(50):
        ladder.hear(BAD)
        for _ in range(3):
            assert ladder.hear(FINE) is STEPS[0]


def test_the_first_pictures_of_viewers_say_nothing() -> None:
    ladder = Ladder()
    for _ in range(20):
        assert ladder.hear(Second(due=8, missed=4, busy=0.3)) is STEPS[0]


def test_what_lasts_goes_down_a_step_at_a_time() -> None:
    ladder = Ladder()
    places = [STEPS.index(ladder.hear(BAD)) for _ in range(40)]
    assert places[MISSED_SECONDS - 1] == 1
    moves = [b - a for a, b in zip([0, *places], places, strict=False)]
    assert set(moves) == {0, 1}
    assert places[-1] == len(STEPS) - 1
    again = MISSED_SECONDS + SETTLING_S
    assert places[again] == 1, "each step is given its time"


def test_where_nobody_is_idle_size_gives_way_at_once() -> None:
    ladder = Ladder()
    assert ladder.next_share == 0.75
    for _ in range(MISSED_SECONDS):
        ladder.hear(SPEAKING)
    assert ladder.step.share == 0.75 and ladder.step.admits
    assert ladder.next_share == 0.5
    for _ in range(SETTLING_S + MISSED_SECONDS):
        ladder.hear(SPEAKING)
    assert ladder.step.share == 0.5 and ladder.step.admits
    for _ in range(SETTLING_S + MISSED_SECONDS):
        ladder.hear(SPEAKING)
    assert ladder.step is STEPS[-1]


def test_a_larger_picture_is_not_tried_where_it_cannot_hold() -> None:
    """At three quarters of the side the device works half the time: whole pictures
    would take all of it."""
    ladder = Ladder()
    for _ in range(MISSED_SECONDS):
        ladder.hear(SPEAKING)
    for _ in range(200):
        ladder.hear(Second(due=25, missed=0, busy=0.5, speaking=1, quiet=0))
    assert ladder.step.share == 0.75
    for _ in range(PATIENCE_S + 1):
        ladder.hear(Second(due=25, missed=0, busy=0.3, speaking=1, quiet=0))
    assert ladder.step.share == 1


def test_it_comes_back_when_there_is_room_and_not_before() -> None:
    ladder = Ladder()
    for _ in range(MISSED_SECONDS):
        ladder.hear(BAD)
    for _ in range(100):
        assert ladder.hear(FULL) is STEPS[1], "a busy device has no room for more"
    for _ in range(PATIENCE_S):
        ladder.hear(FINE)
    assert ladder.step is STEPS[0]


def test_a_step_up_that_does_not_hold_is_tried_ever_more_seldom() -> None:
    """A machine on which only step 1 holds."""
    ladder = Ladder()
    ups: list[int] = []
    for now_s in range(1200):
        before = ladder.place
        ladder.hear(BAD if ladder.place == 0 else FINE)
        if ladder.place < before:
            ups.append(now_s)
    waits = [b - a for a, b in zip(ups, ups[1:], strict=False)]
    assert all(b >= a for a, b in zip(waits, waits[1:], strict=False)), waits
    assert waits[-1] >= LONGEST_PATIENCE_S
    assert len(ups) < 15


def test_nothing_to_draw_is_no_reason_to_step_down() -> None:
    ladder = Ladder()
    for _ in range(10):
        assert ladder.hear(Second(due=0, missed=0, busy=0.0)) is STEPS[0]


def drawing(speaking: int, quiet: int = 0, *, picture_ms: float = 10.0) -> Second:
    """A second in which the device did all that it could."""
    wanted = 25 * (speaking + quiet)
    busy = min(1.0, wanted * picture_ms / 1000)
    return Second(
        due=wanted,
        missed=0,
        busy=busy,
        drawn=min(wanted, int(1000 / picture_ms)),
        speaking=speaking,
        quiet=quiet,
    )


def test_who_comes_makes_pictures_smaller_before_one_is_late() -> None:
    """At 10 ms a picture, four sessions fill the device to the brim, and five do not
    fit in."""
    ladder = Ladder()
    for speaking in (1, 3, 4):
        assert ladder.hear(drawing(speaking)) is STEPS[0]
    assert ladder.hear(drawing(5)).share == 0.75


def test_a_size_that_is_not_enough_is_left_as_soon_as_it_is_known() -> None:
    ladder = Ladder()
    shares = [ladder.hear(drawing(10)).share]
    shares += [ladder.hear(drawing(10, picture_ms=6)).share for _ in range(20)]
    assert shares == [0.75] * (SETTLING_S + 1) + [0.5] * (20 - SETTLING_S)
    assert ladder.step.admits, "for the last one, pictures must be missed"
    ladder = Ladder()
    ladder.hear(drawing(10))
    enough = [ladder.hear(drawing(10, picture_ms=3.5)).share for _ in range(9)]
    assert set(enough) == {0.75}


def test_idle_pictures_are_what_gives_way_to_who_comes_and_is_quiet() -> None:
    ladder = Ladder()
    assert ladder.hear(drawing(0, 6)).name == "idle_12_fps"
    assert ladder.step.share == 1


def test_a_busy_second_of_those_who_are_there_already_is_a_hitch() -> None:
    ladder = Ladder()
    ladder.hear(drawing(2))
    assert ladder.hear(drawing(2, picture_ms=30)) is STEPS[0]
    assert ladder.hear(Second(due=75, missed=0, busy=1.0, drawn=3, speaking=3)), "few"
    assert ladder.step is STEPS[0]
    assert ladder.hear(drawing(3, picture_ms=15)).share == 0.75, (
        "weighed when it can be"
    )


seconds = st.builds(
    Second,
    due=st.integers(0, 200),
    missed=st.integers(0, 200),
    busy=st.floats(0, 1),
    drawn=st.integers(0, 200),
    speaking=st.integers(0, 20),
    quiet=st.integers(0, 20),
)


@given(st.lists(seconds, max_size=200))
def test_whatever_is_counted_it_stays_on_the_ladder_and_goes_up_by_one(
    counted: list[Second],
) -> None:
    ladder = Ladder()
    for second in counted:
        before = ladder.place
        ladder.hear(second)
        assert before - 1 <= ladder.place
        assert ladder.next_share <= ladder.step.share
        assert 0 <= ladder.place < len(STEPS)
