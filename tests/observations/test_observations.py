"""What every observation keeps to: its space, what is in sight, batches, updates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import (
    CHOICES,
    FADING,
    after,
    partly_seen_slots,
    with_devices_of,
)
from slots import FIELDS
from strategies import assigned_slots, scenarios

from mec_gym import Instance, Scenario
from mec_gym.mdp import State, slot_at
from mec_gym.observations import OBSERVATIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", OBSERVATIONS)
@given(partly_seen_slots())
def test_every_state_of_any_slot_lies_in_the_space(name, case):
    scenario, slot, assignment = case
    observer, state = OBSERVATIONS[name](scenario), State(slot)
    assert observer.space.contains(observer.begin(state))
    for server in assignment:
        state.assign(server)
        assert observer.space.contains(observer.begin(state))


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", OBSERVATIONS)
@given(case=partly_seen_slots())
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
@pytest.mark.parametrize("lookahead", [None, 0, 3])
@pytest.mark.parametrize("preset", ["paper-varied", "fast-fading"])
def test_a_batch_is_seen_as_each_slot_alone(name, lookahead, preset):
    scenario = Scenario.preset(preset, lookahead=lookahead)
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


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("lookahead", [0, 2])
def test_an_observation_shows_the_devices_in_sight_and_no_other(name, lookahead):
    scenario = Scenario.preset("slack", lookahead=lookahead)
    slot, other = scenario.sample(2, 4)
    observer = OBSERVATIONS[name](scenario)
    choices = [0, 1, 2, 1, 1, 0, 2, 1, 0]
    for device in range(9):
        seen = observer.begin(after(slot, choices[:device]))
        in_sight = device + lookahead + 1

        def see(devices, device=device):
            state = after(with_devices_of(slot, other, devices), choices[:device])
            return observer.begin(state).tobytes()

        assert see(slice(in_sight, None)) == seen.tobytes()
        for one in range(device, min(in_sight, 9)):
            assert see(one) != seen.tobytes()


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("lookahead", [0, 2])
def test_what_comes_into_sight_is_all_that_an_update_adds(name, lookahead):
    scenario = Scenario.preset("slack", lookahead=lookahead)
    slot, other = scenario.sample(2, 4)
    observer, choices = OBSERVATIONS[name](scenario), [0, 1, 2, 1, 1, 0, 2, 1, 0]
    for last in range(9):  # the devices after this one differ
        states = [State(slot), State(with_devices_of(slot, other, slice(last + 1, None)))]
        seen = [observer.begin(state) for state in states]
        for device in range(last - lookahead + 1):
            assert seen[0].tobytes() == seen[1].tobytes()
            for state, observation in zip(states, seen, strict=True):
                state.assign(choices[device])
                observer.update(observation, state)
        if last - lookahead >= 0 and last < 8:
            assert seen[0].tobytes() != seen[1].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", OBSERVATIONS)
@given(case=assigned_slots(), more=st.integers(-1, 2))
def test_a_lookahead_over_all_devices_is_none_at_all(name, case, more):
    scenario, slot, assignment = case
    lookahead = max(scenario.num_devices + more, 0)
    limited = OBSERVATIONS[name](scenario.replace(lookahead=lookahead))
    unlimited, state = OBSERVATIONS[name](scenario), State(slot)
    seen = [observer.begin(state) for observer in (limited, unlimited)]
    assert seen[0].tobytes() == seen[1].tobytes()
    for server in assignment:
        state.assign(server)
        for observer, observation in zip((limited, unlimited), seen, strict=True):
            observer.update(observation, state)
        assert seen[0].tobytes() == seen[1].tobytes()


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("lookahead", [None, 0, 2])
@pytest.mark.parametrize("preset", ["slack", "fast-fading"])
def test_what_is_written_slot_by_slot_is_the_observation(name, lookahead, preset):
    scenario = Scenario.preset(preset, lookahead=lookahead)
    slots, observer = scenario.sample(3, 0), OBSERVATIONS[name](scenario)
    choices, state = np.random.default_rng(0).integers(0, 3, (9, 3)), State(slots)
    prepared = observer.prepare(slots)
    for device in range(10):
        seen = observer.begin(state)
        for row in range(3):
            out = np.full(observer.space.shape, np.nan, np.float32)
            slot = slot_at(state.slot, row)
            observer.write(slot, device, prepared[row], observer.constants, out)
            np.testing.assert_array_equal(out, seen[row])
        if device < 9:
            state.assign(choices[device])


@pytest.mark.slow
@pytest.mark.parametrize("name", OBSERVATIONS)
@given(partly_seen_slots(), st.data())
def test_the_free_servers_can_be_read_off_an_observation(name, case, data):
    scenario, slot, assignment = case
    assignment = assignment[: data.draw(st.integers(0, slot.num_devices - 1))]
    observer = OBSERVATIONS[name](scenario)
    state = after(slot, assignment)
    free = [assignment.count(n) < slot.capacity[n] for n in range(slot.num_servers)]
    assert observer.free(observer.begin(state)).tolist() == free


@pytest.mark.parametrize("name", OBSERVATIONS)
@pytest.mark.parametrize("scenario", FADING, ids=["fast-fading", "path-loss"])
@pytest.mark.parametrize("last", range(9))
def test_gains_of_later_steps_are_absent_from_what_is_seen_before(name, scenario, last):
    slot, other = scenario.sample(2, 6)
    step_gain = slot.step_gain.copy()
    step_gain[last + 1 :] = other.step_gain[last + 1 :]  # those that devices will meet, too
    arrays = slot.arrays() | {"step_gain": step_gain, "gain": slot.gain.copy()}
    for device in range(last + 1, 9):
        arrays["gain"][device] = step_gain[device, device]
    states, observer = [State(slot), State(Instance(**arrays))], OBSERVATIONS[name](scenario)
    seen = [observer.begin(state) for state in states]
    for device in range(9):
        alike = seen[0].tobytes() == seen[1].tobytes()
        assert alike == (device <= last)
        for state, observation in zip(states, seen, strict=True):
            state.assign(CHOICES[device])
            observer.update(observation, state)


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_a_constant_slot_in_a_changing_scenario_is_seen_as_constant(name):
    scenario, slot = Scenario.preset("fast-fading"), Scenario().sample(1, 0)[0]
    one, other = OBSERVATIONS[name](scenario), OBSERVATIONS[name](Scenario())
    for device in range(10):
        state = after(slot, CHOICES[:device])
        assert one.begin(state).tobytes() == other.begin(state).tobytes()
