"""Observations: Eq. (11) in SI units and scaled to [0, 1], entry by entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assigned_slots, scenarios

from mec_gym import Instance, Scenario
from mec_gym.mdp import State
from mec_gym.observations import OBSERVATIONS

SMALL = Scenario(
    num_devices=2,
    num_servers=2,
    capacity=(2, 4),
    servers="listed",
    server_hz=(5e9, 6e9),
)
FIELDS = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
FIELDS += ("bandwidth_hz", "tx_power_w", "noise_w")


def small_slot():
    return Instance(
        gain=[[0.5, 2.0], [1.25, 0.8]],
        task_bits=[2e5, 4.25e5],
        task_cycles=[2e9, 8e8],
        server_hz=[5e9, 6e9],
        capacity=[2, 4],
        bandwidth_hz=1e6,
        tx_power_w=0.1,
        noise_w=1e-3,
    )


def test_eq_11_in_si_units_by_hand():
    state = State(small_slot())
    observer = OBSERVATIONS["si"](SMALL)
    np.testing.assert_allclose(
        observer.begin(state),
        [0.5, 2.0, 1.25, 0.8, 2e5, 4.25e5, 2e9, 8e8, 2, 4],
        rtol=1e-7,
    )
    for _ in range(2):
        state.assign(0)
    np.testing.assert_array_equal(observer.begin(state)[-2:], [0, 4])


def test_eq_11_scaled_by_hand():
    state = State(small_slot())
    observer = OBSERVATIONS["paper"](SMALL)
    # gain: (h - 0.5) / 1.5; bits: (S - 2e5) / 3e5; cycles: (C - 5e8) / 1.5e9; all places free.
    np.testing.assert_allclose(
        observer.begin(state), [0, 1, 0.5, 0.2, 0, 0.75, 1, 0.2, 1, 1], atol=1e-7
    )
    state.assign(1)
    np.testing.assert_allclose(observer.begin(state)[-2:], [1, 0.75])


def test_places_left_go_negative_in_si_units_and_stop_at_0_when_scaled():
    scenario = Scenario(num_devices=3, num_servers=2, capacity=(1, 2))
    state = State(scenario.sample(1, 0)[0])
    for _ in range(3):
        state.assign(0)
    si, paper = (OBSERVATIONS[name](scenario).begin(state) for name in ("si", "paper"))
    assert si[-2:].tolist() == [-2, 2]
    assert paper[-2:].tolist() == [0, 1]


@given(scenarios())
def test_spaces_are_boxes_of_float32_of_the_length_of_eq_11(scenario):
    num_devices, num_servers = scenario.num_devices, scenario.num_servers
    length = num_devices * num_servers + 2 * num_devices + num_servers
    for name in ("paper", "si"):
        space = OBSERVATIONS[name](scenario).space
        assert space.shape == (length,)
        assert space.dtype == np.float32
        assert np.isfinite([space.low, space.high]).all()
    unit = OBSERVATIONS["paper"](scenario).space
    assert (unit.low == 0).all()
    assert (unit.high == 1).all()


@pytest.mark.parametrize("name", OBSERVATIONS)
@given(assigned_slots())
def test_every_state_of_any_slot_lies_in_the_space(name, case):
    scenario, slot, assignment = case
    observer, state = OBSERVATIONS[name](scenario), State(slot)
    assert observer.space.contains(observer.begin(state))
    for server in assignment:
        state.assign(server)
        assert observer.space.contains(observer.begin(state))


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("end", [0.0, 1 - 2**-53])
@given(scenario=scenarios())
def test_slots_at_the_very_ends_of_the_draw_lie_in_the_space(name, end, scenario):
    class Extreme:
        def random(self, shape):
            return np.full(shape, end)

    slot = scenario.draw(1, Extreme())[0]
    observer = OBSERVATIONS[name](scenario)
    assert observer.space.contains(observer.begin(State(slot)))


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("factor", [1 - 5e-10, 1 + 5e-10])
@pytest.mark.parametrize(
    "scenario",
    [Scenario(), Scenario(task_bits=3e5), Scenario(task_cycles=(1e9, 1.0001e9))],
    ids=["paper", "constant bits", "narrow cycles"],
)
def test_a_slot_that_the_scenario_just_accepts_lies_in_the_space(name, factor, scenario):
    low, high = (
        dict(zip(scenario.ranges, ends, strict=True))
        for ends in zip(*scenario.ranges.values(), strict=True)
    )
    edge = low if factor < 1 else high
    drawn = scenario.sample(1, 0)[0]
    fields = {name: getattr(drawn, name) for name in FIELDS}
    fields |= {name: np.full_like(fields[name], value * factor) for name, value in edge.items()}
    slot = Instance(**fields)
    scenario.check(slot)  # accepted: within its tolerance
    observer = OBSERVATIONS[name](scenario)
    assert observer.space.contains(observer.begin(State(slot)))


@pytest.mark.parametrize("name", OBSERVATIONS)
@given(case=assigned_slots())
def test_updating_an_observation_gives_what_a_new_one_would(name, case):
    scenario, slot, assignment = case
    observer, state = OBSERVATIONS[name](scenario), State(slot)
    observation = observer.begin(state)
    for server in assignment:
        state.assign(server)
        observer.update(observation, state)
        np.testing.assert_array_equal(observation, observer.begin(state))
    assert observation.dtype == np.float32


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_a_batch_is_seen_as_each_slot_alone(name):
    scenario = Scenario.preset("paper-varied")
    slots, observer = scenario.sample(4, 0), OBSERVATIONS[name](scenario)
    choices = np.random.default_rng(0).integers(0, 3, (4, 9))
    batch, alone = State(slots), [State(slot) for slot in slots]
    for m in range(9):
        seen = observer.begin(batch)
        assert seen.dtype == np.float32
        for row in range(4):
            np.testing.assert_array_equal(seen[row], observer.begin(alone[row]))
            alone[row].assign(choices[row, m])
        batch.assign(choices[:, m])


@given(scenarios(num_servers=3), st.permutations(range(3)), st.integers(0, 99))
def test_renaming_servers_renames_gains_and_places(scenario, order, seed):
    slot = scenario.sample(1, seed)[0]
    fields = {name: getattr(slot, name) for name in FIELDS}
    renamed = Instance(
        **(
            fields
            | {
                "gain": slot.gain[:, order],
                "server_hz": slot.server_hz[order],
                "capacity": slot.capacity[order],
            }
        )
    )
    capacity = tuple(scenario.capacities[order].tolist())
    see, size = OBSERVATIONS["si"], slot.gain.size
    one = see(scenario).begin(State(slot))
    other = see(scenario.replace(capacity=capacity)).begin(State(renamed))
    np.testing.assert_array_equal(other[:size].reshape(-1, 3), one[:size].reshape(-1, 3)[:, order])
    np.testing.assert_array_equal(other[size:-3], one[size:-3])
    np.testing.assert_array_equal(other[-3:], one[-3:][order])
