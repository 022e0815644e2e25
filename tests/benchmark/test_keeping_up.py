"""Whether work left over grows: as measured of made-up results, and of some that are played."""

from types import SimpleNamespace

import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.benchmark import keeping_up, over_time
from mec_gym.policies import get

CALM = Scenario(slots=20, slot_s=1.0, capacity=9)
OVERLOADED = Scenario(slots=20, slot_s=0.42, capacity=9)


def result(*backlogs, name="one"):
    """A result of one seed with such work left over in each of some episodes."""
    return SimpleNamespace(name=name, backlog_s=np.array([backlogs]))


RISING, LEVEL = np.arange(20) * 0.05, np.full(20, 0.5)


def test_growth_is_the_last_fifth_less_the_fifth_about_the_middle():
    found = keeping_up.growth(result(RISING, 2 * RISING))
    assert found.mean == pytest.approx(1.5 * 8 * 0.05)  # slots 16 to 19 less 8 to 11
    assert keeping_up.growth(result(LEVEL, LEVEL)).mean == 0


@pytest.mark.parametrize(
    ("backlogs", "grows"),
    [
        ((RISING, 2 * RISING, 1.5 * RISING), True),
        ((LEVEL, LEVEL), False),
        ((RISING,), False),  # one episode bounds nothing
        ((RISING, LEVEL - RISING), False),  # the interval reaches below 0
        ((RISING / 100, RISING / 90), False),  # too little to matter
        ((RISING[:8], RISING[:8]), False),  # too few slots
    ],
)
def test_it_grows_where_the_whole_interval_does_and_it_matters(backlogs, grows):
    assert keeping_up.grows(result(*backlogs), 1.0) == grows


def test_a_policy_that_falls_behind_is_named_where_the_servers_could():
    behind = result(RISING, 1.2 * RISING, 1.4 * RISING, name="slow")
    assert keeping_up.sentences([result(LEVEL, LEVEL)], CALM) == []
    (said,) = keeping_up.sentences([result(LEVEL, LEVEL), behind], CALM)
    assert said == (
        "Measured, work left over still grows at the end of an episode: slow: 0.57 s left over in"
        " the middle of an episode, 1.05 s at its end."
    )


def test_of_played_episodes_beyond_what_servers_can_it_is_said_and_measured():
    drawn = OVERLOADED.sample_episodes(3, 1)
    ones = over_time.Yardsticks(np.ones(3), np.ones(3))
    players = {name: [get(name)] for name in ("least-delay", "roa")}
    played = over_time.play(players, drawn, 0, ones)
    first, second = keeping_up.sentences(played, OVERLOADED)
    assert first.startswith("Load 1.3")
    assert "whatever the policy." in first
    assert second.startswith("Measured, it grows with every policy, the least with ")
    assert (
        keeping_up.sentences(over_time.play(players, CALM.sample_episodes(3, 1), 0, ones), CALM)
        == []
    )
