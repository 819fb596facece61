"""What counts as work going on after a restart, and how long it took."""

import pytest

from tests.faults.crew import Start
from tests.faults.timing import Pause, pauses, slowest


def test_a_restart_is_timed_to_the_next_mail_that_is_begun() -> None:
    starts = [Start(10.0, "lane"), Start(11.0, "web")]
    assert pauses(starts, [9.0, 14.5, 10.5], [], [9.5, 15.0], 20.0) == [Pause("lane", 0.5), Pause("web", 3.5)]


def test_time_in_which_there_was_nothing_to_do_does_not_count() -> None:
    (pause,) = pauses([Start(10.0, "lane")], [60.0], [(5.0, 12.0), (20.0, 50.0), (59.0, 70.0)], [], 80.0)
    assert pause == Pause("lane", pytest.approx(17.0), timed=False)


def test_work_that_never_went_on_is_late_all_the_same() -> None:
    assert pauses([Start(10.0, "redis")], [9.0], [], [], 50.0) == [Pause("redis", 40.0, timed=False)]


def test_what_is_stopped_again_is_not_timed_until_then() -> None:
    starts = [Start(10.0, "web"), Start(12.0, "supervisor")]
    found = pauses(starts, [15.0], [], [11.5], 20.0)
    assert found == [Pause("web", 1.5, timed=False), Pause("supervisor", 3.0)]


def test_the_slowest_of_most() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert (slowest(hundred), slowest(hundred, 0.95), slowest([3.0], 0.95), slowest([])) == (100.0, 95.0, 3.0, 0.0)
