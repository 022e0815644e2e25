"""Observations: Eq. (11) in SI units and scaled to [0, 1], a row a server, entry by entry."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from strategies import assigned_slots, scenarios

from mec_gym import Instance, Scenario
from mec_gym.envs.offload import OffloadEnv
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


@st.composite
def partly_seen_slots(draw, **fixed):
    """As `assigned_slots`, with any lookahead."""
    scenario, slot, assignment = draw(assigned_slots(**fixed))
    lookahead = draw(st.none() | st.integers(0, 7))
    return scenario.replace(lookahead=lookahead), slot, assignment


def after(slot, assignment):
    """The state once the first devices have their servers."""
    state = State(slot)
    for server in assignment:
        state.assign(server)
    return state


def changed(slot, **changes):
    """The slot with other values."""
    return Instance(**({name: getattr(slot, name) for name in FIELDS} | changes))


def with_devices_of(slot, other, devices):
    """The slot, whose devices have the tasks and gains of another slot."""
    fields = {name: getattr(slot, name).copy() for name in ("gain", "task_bits", "task_cycles")}
    for name, values in fields.items():
        values[devices] = getattr(other, name)[devices]
    return changed(slot, **fields)


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
@given(partly_seen_slots())
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


# The same for a row a server.


LATER_LINKS = 16
"""The column of the links of devices to come, which is 0 where they are not known."""


def rows_of_servers(scenario, slot, assignment):
    """The documented features before the decision on device len(assignment), in NumPy."""
    device, (num_devices, num_servers) = len(assignment), slot.gain.shape
    lookahead = num_devices if scenario.lookahead is None else scenario.lookahead
    roots = np.sqrt(slot.task_cycles)
    seen = roots[device + 1 : device + lookahead + 1]
    hidden = max(num_devices - device - 1 - lookahead, 0)
    law = np.sqrt(scenario.cycles_quantiles(256))
    roots[device + lookahead + 1 :] = scenario.mean_sqrt_cycles
    chosen, hz = np.array(assignment, dtype=int), slot.server_hz
    load = np.array([roots[:device][chosen == n].sum() for n in range(num_servers)])
    tasks = np.bincount(chosen, minlength=num_servers)
    places = np.maximum(slot.capacity - tasks, 0)
    free, left = places > 0, num_devices - device
    sending = np.array([oracle.tx_delay(slot, device, n) for n in range(num_servers)])
    q, rest = roots[device], roots[device:].sum()
    size = roots.mean()
    height = size / hz.mean()
    delay = size * height

    def level(standing, poured):
        """The height at which what is poured stands, by root finding."""
        top = ((standing / hz).max() + poured / hz.sum()) * 2
        return brentq(
            lambda w: np.maximum(w * hz - standing, 0).sum() - poured, 0, top, xtol=1e-300
        )

    def computing(standing, poured):
        lifted = np.maximum(standing, level(standing, poured) * hz) if poured > 0 else standing
        return (lifted**2 / hz).sum()

    def s(x):
        return x / (1 + abs(x) / 3)

    def beyond(others):
        return (np.sign(others - q) + 1) / 2

    w = level(load, rest)
    at = np.eye(num_servers)
    rise = [computing(load + q * at[n], rest - q) for n in range(num_servers)]
    if left == 1:
        rise = [computing(load + q * at[n], 0.0) for n in range(num_servers)]
    faster = np.array([places[hz > own].sum() for own in hz])
    to_come = spread = larger = 0.0
    typical, elsewhere = size, np.zeros(num_servers)
    if left > 1:
        typical = roots[device + 1 :].mean()
        to_come = typical / size - 1
        squares = (seen**2).sum() + hidden * (law**2).mean()
        spread = np.sqrt(max(squares / (left - 1) - typical**2, 0)) / size
        larger = (beyond(seen).sum() + hidden * beyond(law).mean()) / (left - 1)
        for later in range(device + 1, device + 1 + len(seen)):
            if slot.step_gain is None:
                links = np.array([oracle.tx_delay(slot, later, n) for n in range(num_servers)])
                elsewhere += (links - links[free].mean()) / (left - 1)
    with np.errstate(all="ignore"):  # full servers
        columns = [
            np.ones(num_servers),
            sending / delay,
            10 * (sending - sending[free].min()) / delay,
            (np.array(rise) - computing(load, rest)) / delay,
            s((w - load / hz) / height),
            s((w - (load + q) / hz) / height),
            hz / hz.mean(),
            places / places[free].mean(),
            1 / places,
            (w * hz - load) / places / size,
            np.where(places > 1, s(((w * hz - load - q) / (places - 1) - typical) / size), 0),
            faster / places.sum(),
            np.full(num_servers, q / size - 1),
            np.full(num_servers, to_come),
            np.full(num_servers, spread),
            np.full(num_servers, larger),
            20 * elsewhere / delay,
            np.full(num_servers, (places.sum() - left) / places.sum()),
            np.full(num_servers, 1 / (1 + (left - 1) / free.sum())),
        ]
    return np.where(free[:, None], np.clip(np.transpose(columns), -10, 10), 0)


def servers_seen(scenario, slot, assignment):
    return OBSERVATIONS["servers"](scenario).begin(after(slot, assignment))


@given(partly_seen_slots())
def test_every_feature_of_a_server_is_what_its_documentation_says(case):
    scenario, slot, assignment = case
    for device in range(slot.num_devices):
        np.testing.assert_allclose(
            servers_seen(scenario, slot, assignment[:device]),
            rows_of_servers(scenario, slot, assignment[:device]),
            rtol=1e-5,
            atol=1e-6,
        )
    assert not servers_seen(scenario, slot, assignment).any()  # nothing is left to decide


def test_the_features_of_a_server_by_hand():
    # T 0.06, 0.04; 0.10, 0.06 s; q 2e4, 4e4; F 4e9, 8e9; 2 and 4 places.
    slot = changed(
        small_slot(),
        gain=[[0.15, 0.31], [0.07, 0.63]],  # 4, 5; 3, 6 Mbit/s
        task_bits=[2.4e5, 3.0e5],
        task_cycles=[4e8, 16e8],
        server_hz=[4e9, 8e9],
    )
    # Mean q 3e4; l = 3e4 / 6e9 = 5e-6 s / sqrt(cycle), q l = 0.15 s. Once device 0 is on server 1
    # the level of 4e4 more is 6e4 / 12e9 = 5e-6.
    alike = {12: 1 / 3, 13: 0, 14: 0, 15: 0, 16: 0, 17: 4 / 5, 18: 1}
    # 0.10 s; 0.05 more than 0.05; 0.4 + 0.05 - 0.3 = 0.15 s more; room 1 and then -1 times l
    one = {1: 2 / 3, 2: 10 / 3, 3: 1, 4: 3 / 4, 5: -3 / 4, 6: 2 / 3, 7: 4 / 5, 8: 1 / 2}
    # of 2e4 for 2 places; -2e4 for 1 more, less q for want of others to come
    one |= {9: 1 / 3, 10: -(5 / 3) / (1 + 5 / 9), 11: 3 / 5}
    # 0.05 s; 36e8/8e9 - 0.3 = 0.15 s; stands at 2.5e-6; room 2e4 for 3 places, then -2e4 for 2
    two = {1: 1 / 3, 2: 0, 3: 1, 4: (1 / 2) / (1 + 1 / 6), 5: -(1 / 2) / (1 + 1 / 6)}
    two |= {6: 4 / 3, 7: 6 / 5, 8: 1 / 3, 9: 2 / 9, 10: -(4 / 3) / (1 + 4 / 9), 11: 0}
    expected = [[({0: 1} | alike | own)[column] for column in range(19)] for own in (one, two)]
    np.testing.assert_allclose(servers_seen(SMALL, slot, [1]), expected, rtol=1e-6, atol=1e-6)


@given(partly_seen_slots(), st.data())
def test_the_row_of_a_server_is_0_where_and_only_where_it_is_full(case, data):
    scenario, slot, assignment = case
    assignment = assignment[: data.draw(st.integers(0, slot.num_devices - 1))]
    rows = servers_seen(scenario, slot, assignment)
    free = np.array([assignment.count(n) < slot.capacity[n] for n in range(slot.num_servers)])
    assert not rows[~free].any()
    assert (rows[free, 0] == 1).all()
    np.testing.assert_array_equal(OBSERVATIONS["servers"](scenario).free(rows), free)


@given(partly_seen_slots(), st.data())
def test_renaming_servers_renames_the_rows(case, data):
    scenario, slot, assignment = case
    assignment = assignment[: data.draw(st.integers(0, slot.num_devices - 1))]
    order = data.draw(st.permutations(range(slot.num_servers)))
    renamed = changed(
        slot,
        gain=slot.gain[:, order],
        server_hz=slot.server_hz[order],
        capacity=slot.capacity[order],
    )
    if slot.step_gain is not None:
        renamed = Instance(**(renamed.arrays() | {"step_gain": slot.step_gain[..., order]}))
    same_servers = [order.index(server) for server in assignment]
    np.testing.assert_allclose(
        servers_seen(scenario, renamed, same_servers),
        servers_seen(scenario, slot, assignment)[order],
        rtol=1e-5,
        atol=1e-6,
    )


# What is not yet in sight.


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
    known = observer.prepare(slots)
    for device in range(10):
        seen = observer.begin(state)
        for row in range(3):
            out = np.full(observer.space.shape, np.nan, np.float32)
            observer.show(known, observer.constants, state.slots, row, device, out)
            np.testing.assert_array_equal(out, seen[row])
        if device < 9:
            state.assign(choices[device])


@pytest.mark.parametrize("name", OBSERVATIONS)
@given(partly_seen_slots(), st.data())
def test_the_free_servers_can_be_read_off_an_observation(name, case, data):
    scenario, slot, assignment = case
    assignment = assignment[: data.draw(st.integers(0, slot.num_devices - 1))]
    observer = OBSERVATIONS[name](scenario)
    state = after(slot, assignment)
    free = [assignment.count(n) < slot.capacity[n] for n in range(slot.num_servers)]
    assert observer.free(observer.begin(state)).tolist() == free


# Gains that change from one decision step to the next.

CHOICES = [0, 1, 2, 1, 1, 0, 2, 1, 0]
CORRELATED = {"channel": {"kind": "path-loss", "correlation": 0.6}, "noise_psd": 4e-21}
FADING = [Scenario.preset("fast-fading"), Scenario(**CORRELATED)]


def eq_11_at(scenario, slot, assignment, scale):
    """The entries of Eq. (11) before the decision on device len(assignment), one by one."""
    step = min(len(assignment), slot.num_devices - 1)  # H(M-1) stays after the last decision
    lookahead = scenario.lookahead if scenario.lookahead is not None else slot.num_devices
    seen = [m <= len(assignment) + lookahead for m in range(slot.num_devices)]

    def linear(value, low, high):
        return (value - low) / (high - low) if scale else value

    def shown(gain):
        low, high = scenario.channel.gain_range
        if scale and scenario.channel.kind == "path-loss":
            return linear(*(10 * np.log10(end) for end in (gain, low, high)))
        return linear(gain, low, high)

    entries = []
    for m in range(slot.num_devices):
        entries += [shown(float(h)) if seen[m] else 0.0 for h in slot.step_gain[step, m]]
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


def test_a_row_a_server_is_of_the_gain_that_the_device_meets():
    scenario = Scenario.preset("fast-fading")
    slot = scenario.sample(1, 2)[0]
    constant = changed(slot)  # without the gains of other steps
    assert constant.step_gain is None
    for device in range(10):
        rows = servers_seen(scenario, slot, CHOICES[:device])
        told = servers_seen(scenario, constant, CHOICES[:device])
        assert told[:, LATER_LINKS].any() == (device < 8)
        told[:, LATER_LINKS] = 0
        np.testing.assert_array_equal(rows, told)


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_a_constant_slot_in_a_changing_scenario_is_seen_as_constant(name):
    scenario, slot = Scenario.preset("fast-fading"), Scenario().sample(1, 0)[0]
    one, other = OBSERVATIONS[name](scenario), OBSERVATIONS[name](Scenario())
    for device in range(10):
        state = after(slot, CHOICES[:device])
        assert one.begin(state).tobytes() == other.begin(state).tobytes()


def test_a_dead_link_of_a_device_says_nothing_of_the_links_of_others():
    scenario = Scenario.preset("paper-varied")
    slot = scenario.sample(1, 0)[0]
    gain = slot.gain.copy()
    gain[0, 1] = 1e-25  # 10^22 s
    dead = Instance(**(slot.arrays() | {"gain": gain}))
    for device in range(1, 9):
        seen, alive = (servers_seen(scenario, each, CHOICES[:device]) for each in (dead, slot))
        np.testing.assert_allclose(seen, alive, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lookahead", [None, 0, 3])
def test_tasks_that_are_all_alike_are_half_larger_whether_seen_or_not(lookahead):
    scenario = Scenario(task_cycles=1e9, lookahead=lookahead)
    rows = servers_seen(scenario, scenario.sample(1, 0)[0], [0])
    np.testing.assert_allclose(rows[:, [14, 15]], [[0, 0.5]] * 3, atol=1e-4)


def test_the_environments_table_states_how_many_features_a_server_has():
    table = OffloadEnv.__doc__
    assert table is not None
    columns = OBSERVATIONS["servers"](Scenario()).space.shape[1]
    assert f"(N, {columns})" in table
