"""benchmarks.learning.unseen: its networks are drawn as said, and its yardsticks are in order."""

import numpy as np
import pytest

from benchmarks.learning.unseen import Played, play
from benchmarks.learning.unseen_networks import (
    MOST_DEVICES,
    OPTIONS,
    RADIO,
    SITES,
    TASKS,
    USERS,
    networks,
)
from mec_gym import load_policy


@pytest.fixture(scope="module")
def drawn():
    return networks(40, seed=2)


def test_the_first_networks_are_the_same_however_many_are_drawn(drawn):
    assert [each.scenario for each in networks(2, seed=2)] == [each.scenario for each in drawn[:2]]
    assert networks(1, seed=3)[0].scenario != drawn[0].scenario


def test_all_kinds_are_among_forty_networks_and_all_hold_their_devices(drawn):
    kinds = [{each.kinds[part] for each in drawn} for part in range(5)]
    assert kinds == [{*SITES, "nowhere"}, {*USERS, "nowhere"}, set(RADIO), set(TASKS), set(OPTIONS)]
    for each in drawn:
        devices, places = each.scenario.num_devices, sum(each.scenario.capacity)
        assert devices <= min(places, MOST_DEVICES)
        if each.kinds[-1] == "tight":
            assert places <= max(devices, each.scenario.num_servers)  # one at least each


def test_tables_of_tasks_have_the_mean_that_servers_are_made_for(drawn):
    """Else a second kind of task would change how long all of them take."""
    tables = [each.scenario.tasks for each in drawn if each.scenario.tasks is not None]
    assert tables
    assert all(
        3e8 < table.cycles.mean() < 8e9 and 2e5 < table.bits.mean() < 5e6 for table in tables
    )


def test_nothing_is_below_the_bound_and_the_safe_one_is_the_better_of_two(drawn):
    small = min(drawn, key=lambda each: each.scenario.num_devices * each.scenario.num_servers)
    models = {"regret-family": load_policy("regret-family")}
    found = play(small, models, slots=3, seconds=0.2, sets_seconds=0.2)
    cost = found.cost
    assert (cost["relaxation"] <= cost["bound"]).all()
    assert (cost["bound"] <= cost["best known"]).all()
    assert all(
        (cost["best known"] <= each).all()
        for name, each in cost.items()
        if name not in ("bound", "relaxation")
    )
    better = np.minimum(cost["regret-family"], cost["prices"])
    np.testing.assert_array_equal(cost["regret-family, safe"], better)


def test_a_gap_is_the_mean_over_slots_of_how_far_each_is_above():
    found = Played("", {"mine": np.array([1.1, 3.0]), "bound": np.array([1.0, 2.0])}, 0.0, ())
    assert found.gap("mine", "bound") == pytest.approx(30.0)
