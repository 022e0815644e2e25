"""Slots that follow one another: what is carried on, in plain numbers derived anew."""

import itertools

import numpy as np
import pytest
from any_options import Oracle

from mec_gym import Episodes, Instance, Scenario, episodes, policies, system

ALL = {
    "slots": 6,
    "slot_s": 0.6,
    "capacity": 4,
    "arrivals": {"probability": 0.7},
    "background": {"levels": [0.0, 0.3, 0.6], "stay": 0.5},
    "handover_s": [0.05, 0.2],
    "state_bits": 1e6,
    "backhaul_bps": 1e8,
    "delay_weight": [0.5, 2.0],
    "local_hz": 5e8,
    "energy_weight": 0.1,
}
"""Fields of a scenario whose slots follow one another in every way."""


def at_random(slots, number):
    rng = np.random.default_rng(number)
    return rng.integers(slots.num_actions, size=slots.task_cycles.shape)


def test_what_each_task_costs_is_what_the_model_says_slot_after_slot():
    scenario = Scenario(**ALL)
    drawn = scenario.sample_episodes(5, 0)
    played = episodes.play(drawn, at_random)
    for row, episode in enumerate(drawn):
        backlog, last = [0.0] * 3, {}
        for k in range(6):
            whole = episode.slots[k]
            present = np.flatnonzero(episode.present[k]).tolist()
            chosen = played.assignment[row, k]
            assert set(np.flatnonzero(chosen >= 0)) == set(present)
            arrays = whole.arrays()
            for name in ("backlog_cycles", "handover_s", "last_server", "slots_left", "slot_s"):
                del arrays[name]
            plain = Oracle(Instance(**arrays).of_devices(np.array(present, int)))
            delays, energies = plain.outcome([int(chosen[m]) for m in present])
            for place, m in enumerate(present):
                n, delay = int(chosen[m]), delays[place]
                if n < 3:
                    delay += backlog[n] / whole.server_hz[n]
                    if last.get(m, n) != n:
                        delay += whole.handover_s[m]
                cost = plain.weight(place) * delay + 0.1 * energies[place]
                assert played.delay[row, k, m] == pytest.approx(delay, rel=1e-12)
                assert played.cost[row, k, m] == pytest.approx(cost, rel=1e-12)
            for m in present:
                if chosen[m] < 3:
                    last[m] = int(chosen[m])
                    backlog[chosen[m]] += whole.task_cycles[m]
            backlog = [max(0.0, w - f * 0.6) for w, f in zip(backlog, whole.server_hz, strict=True)]
            assert played.backlog_cycles[row, k] == pytest.approx(backlog, rel=1e-9, abs=1e-3)


def test_work_is_done_or_waits_and_none_is_lost():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scenario = Scenario(
            slots=8,
            slot_s=float(rng.uniform(0.1, 1)),
            arrivals={
                "probability": float(rng.uniform(0.2, 1)),
                "kind": rng.choice(["bernoulli", "poisson"]).item(),
            },
        )
        drawn = scenario.sample_episodes(3, seed)
        played = episodes.play(drawn, at_random)
        before = np.zeros((3, 3))
        for k in range(8):
            work = np.zeros((3, 3))
            for row, m in itertools.product(range(3), range(9)):
                if (n := played.assignment[row, k, m]) >= 0:
                    work[row, n] += drawn.slots.task_cycles[row, k, m]
            after = played.backlog_cycles[:, k]
            done = before + work - after
            could = drawn.slots.server_hz[:, k] * scenario.slot_s
            assert (done >= -1e-3).all()
            assert (done <= could * (1 + 1e-12)).all()
            # A server rests only when nothing waits.
            assert ((after < 1e-3) | np.isclose(done, could, rtol=1e-9)).all()
            before = after


def test_what_is_forgotten_is_not_waited_for():
    scenario = Scenario(slots=4, slot_s=0.1, left_over="forgotten")
    drawn = scenario.sample_episodes(3, 0)
    played = episodes.play(drawn, lambda slots, number: policies.get("least-delay")(slots, 0))
    assert (played.backlog_cycles == 0).all()
    alone = policies.get("least-delay")(
        scenario.replace(slots=1, slot_s=None, left_over="waits").sample(12, 0), 0
    )
    assert (played.assignment.reshape(12, 9) == alone).all()


def test_episodes_are_the_same_at_once_and_one_by_one():
    scenario = Scenario(**ALL)
    rng = np.random.default_rng(4)
    together = scenario.sample_episodes(3, 4)
    for row in range(3):
        (alone,) = scenario.draw_episodes(1, rng)
        assert (alone.present == together[row].present).all()
        for name, array in alone.slots.arrays().items():
            np.testing.assert_array_equal(array, together[row].slots.arrays()[name])


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_as_many_tasks_arrive_as_is_said(kind):
    arrivals = {"kind": kind, "probability": [0.2, 0.5, 0.9]}
    scenario = Scenario(slots=3, slot_s=1.0, num_devices=12, capacity=12, arrivals=arrivals)
    tasks = scenario.sample_episodes(4000, 1).present.sum(axis=-1)
    mean = tasks.mean(axis=0) / 12
    error = tasks.std(axis=0) / 12 / np.sqrt(4000)
    expected = [0.2, 0.5, 0.9] if kind == "bernoulli" else [0.2, 0.5, capped_mean(10.8, 12) / 12]
    assert (abs(mean - expected) < 4 * error + 1e-3).all()
    spread = tasks.var(axis=0)[0]
    assert spread == pytest.approx(12 * 0.2 * (0.8 if kind == "bernoulli" else 1.0), rel=0.1)


def capped_mean(mean, most):
    """The mean of a Poisson number of which all above `most` count as that."""
    chance, total, seen = np.exp(-mean), 0.0, 0.0
    for count in range(most):
        total, seen = total + count * chance, seen + chance
        chance *= mean / (count + 1)
    return total + most * (1 - seen)


def test_no_episode_is_without_a_task():
    arrivals = {"probability": 0.01}
    drawn = Scenario(slots=2, slot_s=1.0, arrivals=arrivals).sample_episodes(200, 0)
    assert drawn.present.any(axis=(1, 2)).all()


def test_background_goes_from_level_to_level_as_is_said():
    levels, stay = [0.0, 0.25, 0.5], 0.8
    scenario = Scenario(
        slots=40, slot_s=1.0, server_hz=8e9, background={"levels": levels, "stay": stay}
    )
    left = scenario.sample_episodes(300, 2).slots.server_hz / 8e9
    taken = np.round(1 - left, 6)
    assert set(np.unique(taken)) == set(levels)
    assert (taken[:, 1:] == taken[:, :-1]).mean() == pytest.approx(stay, abs=0.01)
    for level in levels:
        assert (taken == level).mean() == pytest.approx(1 / 3, abs=0.02)


def test_background_that_is_listed_is_taken():
    shares = [0.5, [0.0, 0.1, 0.2]]
    drawn = Scenario(slots=2, slot_s=1.0, server_hz=1e9, background={"shares": shares})
    left = drawn.sample_episodes(1, 0).slots.server_hz[0]
    assert left == pytest.approx(np.array([[5e8] * 3, [1e9, 9e8, 8e8]]))


def test_files_keep_episodes(tmp_path):
    drawn = Scenario(**ALL).sample_episodes(2, 0)
    drawn.save(tmp_path / "episodes.npz")
    read = Episodes.load(tmp_path / "episodes.npz")
    assert (read.slot_s, read.waits) == (drawn.slot_s, drawn.waits)
    np.testing.assert_array_equal(read.present, drawn.present)
    for name, array in drawn.slots.arrays().items():
        np.testing.assert_array_equal(array, read.slots.arrays()[name])


def test_files_of_slots_are_no_episodes(tmp_path):
    Scenario().sample(2, 0).save(tmp_path / "slots.npz")
    with pytest.raises(ValueError, match="not a file of episodes: it holds no present"):
        Episodes.load(tmp_path / "slots.npz")


def test_scenarios_of_several_slots_are_read_back(tmp_path):
    scenario = Scenario(**ALL)
    path = tmp_path / "it.toml"
    path.write_text(scenario.to_toml())
    assert Scenario.from_toml(path) == scenario


def test_scenarios_of_one_slot_are_written_as_before():
    written = Scenario().to_toml()
    assert not any(name in written for name in ("slots", "slot_s", "left_over", "arrivals"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"slot_s": 1.0}, "slot_s: it means nothing in one slot"),
        ({"left_over": "forgotten"}, "left_over: it means nothing in one slot"),
        ({"slots": 3}, "slot_s: needed where slots follow"),
        ({"slots": 3, "slot_s": 1.0, "state_bits": 1e6}, "state_bits: it means nothing without"),
        ({"slots": 3, "slot_s": 1.0, "backhaul_bps": 1e6}, "backhaul_bps: it means nothing with"),
        ({"slots": 3, "slot_s": 1.0, "handover_s": [1.0, 1, 1]}, "handover_s: 3 values; needs"),
        ({"slots": 3, "slot_s": 1.0, "lookahead": 0}, "lookahead: devices to come are seen"),
        ({"slots": 3, "slot_s": 1.0, "mobility": "static"}, "mobility: devices have no places"),
        ({"slots": 3, "slot_s": 1.0, "channel": {"correlation": 0.5, "kind": "uniform"}}, "correl"),
        ({"slots": 3, "slot_s": 1.0, "deadline_s": 3.0}, "deadline_s: work left over"),
        ({"slots": 3, "slot_s": 1.0, "arrivals": {"probability": [0.5]}}, "arrivals.probability"),
        ({"slots": 3, "slot_s": 1.0, "arrivals": {"probability": 1.5}}, "must be 1 at most"),
        ({"slots": 3, "slot_s": 1.0, "background": {"shares": [0.5]}}, "background.shares: 1 val"),
        ({"slots": 3, "slot_s": 1.0, "background": {}}, "levels, shares, table: give one"),
        ({"slots": 3, "slot_s": 1.0, "background": {"levels": [0.1, 1.0]}}, "below 1"),
        ({"slots": 10**5, "slot_s": 1.0, "num_devices": 99, "capacity": 33}, "slots: 29,700,000"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_field(fields, said):
    with pytest.raises(ValueError, match=said):
        Scenario(**fields)


def test_one_slot_draws_no_episodes():
    with pytest.raises(ValueError, match="slots: 1"):
        Scenario().sample_episodes(1, 0)


def test_an_assignment_that_is_followed_gives_the_slots_that_were_played():
    scenario = Scenario(**ALL)
    drawn = scenario.sample_episodes(3, 4)
    played = episodes.play(drawn, at_random)
    for row, episode in enumerate(drawn):
        seen = np.zeros_like(played.delay[row])
        for each in episodes.follow(episode, played.assignment[row]):
            seen[each.number, each.devices] = system.task_delays(each.slot, each.assignment)
            left = played.backlog_cycles[row, each.number] / episode.slots.server_hz[each.number]
            np.testing.assert_array_equal(each.backlog_s, left)
        np.testing.assert_array_equal(seen, played.delay[row])
