"""Search over whole episodes: against the optimum by plain trying, and what it says it costs."""

import numpy as np
import pytest
from tiny_episodes import optimum, scenario

from mec_gym import Scenario, episodes, is_feasible
from mec_gym.solvers.episodes import search, slot_by_slot
from mec_gym.solvers.local_search import local_search

ALL = {
    "slots": 8,
    "slot_s": 0.4,
    "capacity": 4,
    "arrivals": {"probability": 0.8},
    "background": {"levels": [0.0, 0.3, 0.6], "stay": 0.5},
    "handover_s": [0.0, 0.4],
    "delay_weight": [0.5, 2.0],
    "energy_weight": 0.1,
    "local_hz": 2e9,
    "drop_penalty_s": 4.0,
    "deadline_s": [0.8, 3.0],
}


def cost(drawn, assignment):
    """What episodes cost that are played anew."""

    def choose(slots, number):
        present = drawn.present[:, number]
        rows = np.flatnonzero(present.sum(axis=-1) == slots.num_devices)
        return np.stack([assignment[row, number][present[row]] for row in rows])

    return episodes.play(drawn, choose).cost.sum(axis=(-2, -1))


def test_it_finds_the_optimum_of_most_tiny_episodes_and_undercuts_none():
    found = []
    for row in range(60):
        drawn = scenario(np.random.default_rng(row)).sample_episodes(1, row)
        best, _ = optimum(drawn)
        ends = search(drawn, budget=30)
        assert ends.total_cost[0] >= best * (1 - 1e-9)
        assert ends.total_cost[0] == pytest.approx(cost(drawn, ends.assignment)[0], rel=1e-9)
        found.append(ends.total_cost[0] <= best * (1 + 1e-9))
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("left_over", ["waits", "forgotten"])
def test_it_costs_what_playing_it_does_with_every_option(left_over):
    drawn = Scenario(**ALL | {"left_over": left_over}).sample_episodes(4, 1)
    found = search(drawn, budget=100)
    np.testing.assert_allclose(found.total_cost, cost(drawn, found.assignment), rtol=1e-9)


def test_what_it_finds_keeps_to_every_slot():
    drawn = Scenario(**ALL).sample_episodes(4, 2)
    found = search(drawn, budget=100).assignment
    carried = drawn.begin()
    for number in range(8):
        for row in range(4):
            here = np.flatnonzero(drawn.present[row, number])
            slots = drawn[row].slot(number, episodes.Carried(*(each[row] for each in carried)))
            if len(here):
                assert is_feasible(slots.of_devices(here), found[row, number, here])
        carried = drawn.after(number, carried, found[:, number])


def test_it_is_never_worse_than_any_start_and_better_than_slot_by_slot_under_load():
    drawn = Scenario(slots=15, slot_s=0.5).sample_episodes(3, 3)
    starts = slot_by_slot(drawn)
    found = search(drawn, starts, budget=0)
    assert (found.total_cost <= np.min([cost(drawn, s) for s in starts], axis=0)).all()
    played = episodes.play(drawn, lambda slots, _: local_search(slots)).cost.sum(axis=(-2, -1))
    assert found.total_cost.mean() < 0.98 * played.mean()
    assert (search(drawn, starts, budget=200).total_cost <= found.total_cost).all()


def test_the_same_seed_finds_the_same_and_episodes_have_kicks_of_their_own():
    drawn = Scenario(slots=10, slot_s=0.5).sample_episodes(2, 4)
    one, other = search(drawn, budget=50, seed=1), search(drawn, budget=50, seed=1)
    np.testing.assert_array_equal(one.assignment, other.assignment)
    alone = search(drawn[:1], budget=50, seed=1)
    np.testing.assert_array_equal(one.assignment[:1], alone.assignment)


def test_starts_are_as_good_as_they_are_given_and_not_changed():
    drawn = Scenario(slots=5, slot_s=0.5).sample_episodes(2, 5)
    start = episodes.play(drawn, lambda slots, _: local_search(slots)).assignment
    before = start.copy()
    found = search(drawn, [start], budget=0)
    np.testing.assert_array_equal(start, before)
    again = search(drawn, [found.assignment], budget=0)
    np.testing.assert_array_equal(again.assignment, found.assignment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda start: start[:, :-1], "starts: int64 of shape"),
        (lambda start: start * 1.0, "starts: float64 of shape"),
        (lambda start: start * 0 - 1, "starts: -1 at episode, slot, device"),
        (lambda start: start * 0 + 3, "starts: 3 at episode, slot, device"),
        (lambda start: start * 0, "starts: start 0 breaks capacity"),
    ],
)
def test_what_is_no_start_is_refused(change, message):
    drawn = Scenario(slots=3, slot_s=0.5).sample_episodes(1, 6)
    start = slot_by_slot(drawn)[0]
    with pytest.raises(ValueError, match=message):
        search(drawn, [change(start)])
    with pytest.raises(ValueError, match="starts: none given"):
        search(drawn, [])
