"""A row of features a server, feature by feature."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from observed import (
    CHOICES,
    SMALL,
    after,
    partly_seen_slots,
    small_slot,
)
from scipy.optimize import brentq
from slots import changed

from mec_gym import Instance, Scenario
from mec_gym.envs.offload import OffloadEnv
from mec_gym.observations import OBSERVATIONS

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


@pytest.mark.slow
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
