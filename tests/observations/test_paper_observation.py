"""Eq. (11): in SI units and scaled to [0, 1], entry by entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import (
    CHOICES,
    FADING,
    SMALL,
    after,
    small_slot,
)
from slots import FIELDS
from strategies import scenarios

from mec_gym import Instance, Scenario
from mec_gym.mdp import State
from mec_gym.observations import OBSERVATIONS


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
    if slot.step_gain is not None:
        renamed = Instance(**(renamed.arrays() | {"step_gain": slot.step_gain[..., order]}))
    capacity = tuple(scenario.capacities[order].tolist())
    see, size = OBSERVATIONS["si"], slot.gain.size
    one = see(scenario).begin(State(slot))
    other = see(scenario.replace(capacity=capacity)).begin(State(renamed))
    np.testing.assert_array_equal(other[:size].reshape(-1, 3), one[:size].reshape(-1, 3)[:, order])
    np.testing.assert_array_equal(other[size:-3], one[size:-3])
    np.testing.assert_array_equal(other[-3:], one[-3:][order])


@pytest.mark.parametrize("name", ["paper", "si"])
@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_eq_11_has_zeros_for_what_is_not_in_sight_and_is_else_the_same(name, lookahead):
    scenario = Scenario.preset("slack")
    slot, choices = scenario.sample(1, 4)[0], [0, 1, 2, 1, 1, 0, 2, 1, 0]
    for device in range(10):
        state = after(slot, choices[:device])
        whole = OBSERVATIONS[name](scenario).begin(state)
        gains, tasks = whole[:27].reshape(9, 3), whole[27:45].reshape(2, 9)
        gains[device + lookahead + 1 :] = 0
        tasks[:, device + lookahead + 1 :] = 0
        seen = OBSERVATIONS[name](scenario.replace(lookahead=lookahead)).begin(state)
        np.testing.assert_array_equal(seen, whole)


def eq_11_at(scenario, slot, assignment, scale):
    """The entries of Eq. (11) before the decision on device len(assignment), one by one."""
    step = min(len(assignment), slot.num_devices - 1)  # H(M-1) stays after the last decision
    lookahead = scenario.lookahead if scenario.lookahead is not None else slot.num_devices
    seen = [m <= len(assignment) + lookahead for m in range(slot.num_devices)]

    def linear(value, low, high):
        return (value - low) / (high - low) if scale else value

    def quoted(gain):
        low, high = scenario.channel.gain_range
        if scale and scenario.channel.kind == "path-loss":
            return linear(*(10 * np.log10(end) for end in (gain, low, high)))
        return linear(gain, low, high)

    entries = []
    for m in range(slot.num_devices):
        entries += [quoted(float(h)) if seen[m] else 0.0 for h in slot.step_gain[step, m]]
    for values, ends in ((slot.task_bits, (2e5, 5e5)), (slot.task_cycles, (5e8, 2e9))):
        entries += [
            linear(float(v), *ends) if s else 0.0 for v, s in zip(values, seen, strict=True)
        ]
    for n in range(slot.num_servers):
        left = int(slot.capacity[n]) - list(assignment).count(n)
        entries.append(max(left, 0) / int(slot.capacity[n]) if scale else left)
    return entries


@pytest.mark.parametrize("name", ["paper", "si"])
@pytest.mark.parametrize("lookahead", [None, 0, 2])
@pytest.mark.parametrize("scenario", FADING, ids=["fast-fading", "path-loss"])
def test_eq_11_shows_the_gains_of_the_current_step(scenario, lookahead, name):
    scenario = scenario.replace(lookahead=lookahead)
    slot, observer = scenario.sample(1, 3)[0], OBSERVATIONS[name](scenario)
    state = State(slot)
    updated = observer.begin(state)
    for device in range(10):
        expected = eq_11_at(scenario, slot, CHOICES[:device], scale=name == "paper")
        np.testing.assert_allclose(updated, expected, rtol=1e-6, atol=1e-6 * (name == "paper"))
        assert observer.begin(state).tobytes() == updated.tobytes()
        if device < 9:
            state.assign(CHOICES[device])
            observer.update(updated, state)
