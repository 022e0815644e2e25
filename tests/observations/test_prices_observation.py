"""A row of features an action made of prices: an oracle, properties, and what is hidden."""

import gymnasium as gym
import numpy as np
import pytest
from exhaustive import KINDS, kinds, least_beyond
from observed import after
from slots import ONLINE, changed

from mec_gym import Instance, Scenario, bounds
from mec_gym.bounds.outlook import outlooks, sample_count
from mec_gym.envs.offload import OffloadEnv
from mec_gym.mdp import State
from mec_gym.observations import OBSERVATIONS, PricesObservation
from mec_gym.problem import Problem
from mec_gym.rewards import preparation, regret_prices

SEEN = ("paper-varied", "slack", "energy", "tiers", "deadlines")


def s(x):
    return x / (1 + abs(x) / 3)


def wishes(cost, q, prices, u):
    """Of tasks with links (..., N): above the best, is the best, and the loss where it is full."""
    with np.errstate(invalid="ignore"):
        paid = cost + prices[0] * q[..., None] + prices[1]
    above = (paid - paid.min(axis=-1, keepdims=True)) / u
    best = np.zeros(paid.shape)
    np.put_along_axis(best, paid.argmin(axis=-1)[..., None], 1.0, axis=-1)
    loss = np.sort(above, axis=-1)[..., 1:2] if paid.shape[-1] > 1 else np.full(paid.shape, 10.0)
    return s(np.minimum(10 * above, 10)), best, best * np.minimum(loss, 10)


def documented(slot, chosen, prices, known, hidden):
    """The documented features before the decision on device len(chosen).

    Args:
        slot: a problem.
        chosen: the servers of the devices before.
        prices: p and k.
        known: links and sizes of the devices to come that are seen, (S, r, N), (r,).
        hidden: of samples of those that are not, (K, r, N), (K, r), and all sampled sizes.
    """
    device, num_devices, servers = len(chosen), slot.num_devices, slot.num_servers
    shared = np.isfinite(slot.server_hz)
    hz = np.where(shared, slot.server_hz, 1.0)
    used = np.bincount(np.array(chosen, int), minlength=servers)
    free = np.maximum(slot.capacity - used, 0)
    load = np.array(
        [slot.size[:device][np.array(chosen, int) == n].sum() * shared[n] for n in range(servers)]
    )
    (cost, size), (hidden_cost, hidden_size, sampled) = known, hidden
    unit = sampled.mean()
    u = unit**2 / hz[shared].mean()
    own = slot.link_cost[device]
    q, to_come = slot.size[device], num_devices - device - 1
    is_open = (free > 0) & np.isfinite(own)
    if not is_open.any():
        return np.where(np.arange(24) == 0, np.isfinite(own)[:, None], 0.0)
    far = best = loss = demand = np.zeros(servers)
    later = np.array([])
    if to_come:
        seen, unseen = wishes(cost, size, prices, u), wishes(hidden_cost, hidden_size, prices, u)
        far, best, loss = (
            a.mean(axis=0).sum(axis=0) + b.mean(axis=0).sum(axis=0)
            for a, b in zip(seen, unseen, strict=True)
        )
        demand = (seen[1].mean(axis=0) * size[:, None]).sum(axis=0)
        demand = demand + (unseen[1] * hidden_size[..., None]).mean(axis=0).sum(axis=0)
        expected = hidden_size.mean(axis=0)
        later = np.concatenate([size, expected])
        square = ((size**2).sum() + (hidden_size**2).mean(axis=0).sum()) / to_come
        beyond = lambda sizes: (np.sign(sizes - q) + 1) / 2  # noqa: E731
        larger = (beyond(size).sum() + len(expected) * beyond(sampled).mean()) / to_come
    mean = later.mean() if to_come else unit
    planned = np.where(shared, prices[0] * hz / 2, 0.0)
    c = own + prices[0] * q + prices[1]
    c = np.where(is_open, c - c[is_open].min(), np.nan)
    standing, finite = load - planned, slot.server_hz
    before = least_beyond(finite, standing, q + later.sum())
    at = np.eye(servers) * q
    rise = np.array([least_beyond(finite, standing + at[n], later.sum()) for n in range(servers)])
    rise -= before
    charges = np.sort(np.repeat(prices[1], free))[::-1]
    last = charges[to_come] if to_come < len(charges) else charges[-1]
    excess = np.where(shared, load + demand - planned, 0.0)
    in_end = np.where(shared, c + q * (2 * excess + q) / hz, c)
    room = np.where(shared, planned - load, 0.0)
    with np.errstate(all="ignore"):
        columns = [
            np.ones(servers),
            s(10 * c / u),
            s((c + rise + np.maximum(last - prices[1], 0)) / u),
            s(room / unit),
            s((room - q) / unit),
            s((prices[1] - last) / u),
            np.where(shared, hz / hz[shared].mean(), 10.0),
            free * is_open.sum() / free[is_open].sum(),
            1 / free,
            s(room / free / unit),
            np.where(free > 1, s(((room - q) / (free - 1) - mean) / unit), 0),
            np.where(planned > 0, s(load / planned - device / num_devices), 0),
            np.full(servers, q / unit - 1),
            np.full(servers, mean / unit - 1),
            np.full(servers, np.sqrt(max(square - mean**2, 0)) / unit if to_come else 0.0),
            np.full(servers, larger if to_come else 0.0),
            (far - far[is_open].mean()) / max(to_come, 1),
            np.full(servers, 1 - (to_come + 1) / free[is_open].sum()),
            np.full(servers, 1 / (1 + to_come / is_open.sum())),
            s(best - free),
            s(loss / free),
            s(excess / unit),
            s(np.where(shared, excess + q, q) / unit),
            s((in_end - np.nanmin(in_end)) / u),
        ]
    return np.where(is_open[:, None], np.clip(np.transpose(columns), -10, 10), 0.0)


def choices(rng, state):
    """Open servers, chosen at random."""
    return int(rng.choice(np.flatnonzero(state.free)))


@pytest.mark.parametrize("preset", SEEN)
def test_every_feature_is_what_its_documentation_says(preset):
    rng = np.random.default_rng(0)
    scenario = Scenario.preset(preset)
    observer = PricesObservation(scenario)
    for slot in scenario.sample(6, 3):
        problem, relaxed = Problem.of(slot), bounds.relax(slot)
        prices, state, chosen = np.stack([relaxed.price, relaxed.charge]), State(slot), []
        nothing = np.empty((1, 0, problem.num_servers)), np.empty((1, 0)), problem.size
        while not state.done:
            first = state.device + 1
            known = problem.link_cost[None, first:], problem.size[first:]
            np.testing.assert_allclose(
                observer.begin(state),
                documented(problem, chosen, prices, known, nothing),
                rtol=1e-4,
                atol=1e-4,
            )
            chosen.append(choices(rng, state))
            state.assign(chosen[-1])
        assert not observer.begin(state).any()  # nothing is left to decide


@pytest.mark.parametrize("name", ONLINE)
def test_what_is_hidden_is_as_sampled_slots_on_these_servers_expect_it(name):
    scenario, rng = ONLINE[name], np.random.default_rng(1)
    observer, slots = PricesObservation(scenario), scenario.sample(2, 4)
    seen_at_once = outlooks(slots, scenario, 0, sample_count(scenario))
    for slot, outlook in zip(slots, seen_at_once, strict=True):
        problem, count = Problem.of(slot), slot.num_devices
        cost, size = outlook.hidden_cost, outlook.hidden_size
        if not scenario.hides_tasks:
            cost = outlook.shown_cost
            size = np.repeat(problem.size[None], len(cost), axis=0)
        of_sample = [
            Problem(links, q, problem.server_hz, problem.capacity)
            for links, q in zip(cost, size, strict=True)
        ]
        solved = [bounds.relax(each) for each in of_sample]
        prices = np.mean([[each.price, each.charge] for each in solved], axis=0)
        state, chosen = State(slot), []
        while not state.done:
            first, end = state.device + 1, min(state.device + 1 + outlook.lookahead, count)
            known = outlook.shown_cost[:, first:end], problem.size[first:end]
            hidden = cost[:, end:], size[:, end:], size
            np.testing.assert_allclose(
                observer.begin(state),
                documented(problem, chosen, prices, known, hidden),
                rtol=1e-4,
                atol=1e-4,
            )
            chosen.append(choices(rng, state))
            state.assign(chosen[-1])


@pytest.mark.parametrize("preset", SEEN)
def test_the_second_feature_is_minus_the_reward_where_no_place_closes(preset):
    scenario, rng = Scenario.preset(preset), np.random.default_rng(2)
    observer, compared = PricesObservation(scenario), 0
    for slot in scenario.sample(10, 5):
        state = State(slot, preparation(regret_prices))
        problem = Problem.of(slot)
        shared = np.isfinite(problem.server_hz)
        unit = problem.size.mean() ** 2 / problem.server_hz[shared].mean()
        while not state.done:
            rows = observer.begin(state)
            for action in np.flatnonzero(state.free):
                if state.load[action] + 1 < problem.capacity[action]:
                    paid = -regret_prices(state.slot, state.device, int(action)) / unit
                    np.testing.assert_allclose(rows[action, 2], s(paid), atol=1e-5)
                    compared += 1
            state.assign(choices(rng, state))
    assert compared > 100


@pytest.mark.parametrize("kind", KINDS)
def test_slots_of_every_kind_lie_in_the_space(kind):
    rng = np.random.default_rng(3)
    for slot in kinds(rng, 4)[kind]:
        scenario = Scenario(
            num_devices=slot.num_devices, num_servers=slot.num_servers, capacity=slot.num_devices
        )
        observer, state = PricesObservation(scenario), State(slot)
        while not state.done:
            rows = observer.begin(state)
            assert observer.space.contains(rows)
            np.testing.assert_array_equal(observer.free(rows), state.free)
            state.assign(choices(rng, state))


def test_a_link_that_nobody_would_use_says_nothing_of_others_however_bad_it_is():
    scenario = Scenario.preset("slack")
    observer, slot = PricesObservation(scenario), scenario.sample(1, 0)[0]
    seen = []
    for gain in (1e-12, 1e-25):  # 10^9 s, 10^22 s
        gains = slot.gain.copy()
        gains[[0, 4, 8], 1] = gain
        state = after(Instance(**(slot.arrays() | {"gain": gains})), [0, 2])
        seen.append(observer.begin(state))
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-3)
    assert np.abs(seen).max() <= 10


def test_renaming_servers_renames_the_rows():
    scenario, order = Scenario.preset("paper-varied"), [2, 0, 1]
    observer = PricesObservation(scenario)
    for slot in scenario.sample(5, 1):
        renamed = changed(slot, gain=slot.gain[:, order], server_hz=slot.server_hz[order])
        chosen = [0, 1, 2, 1]
        there = [order.index(server) for server in chosen]
        np.testing.assert_allclose(
            observer.begin(after(renamed, there)),
            observer.begin(after(slot, chosen))[order],
            atol=1e-3,
        )


def test_seconds_and_cycles_in_other_units_change_nothing():
    scenario = Scenario.preset("tiers")
    observer, slot = PricesObservation(scenario), scenario.sample(1, 2)[0]
    longer = dict(slot.arrays())
    # Of all delays and energies seven times as much: a joule costs what it did.
    for name, factor in (("task_bits", 7), ("task_cycles", 7), ("cloud_delay_s", 7)):
        longer[name] = longer[name] * factor
    rows = [observer.begin(after(each, [0, 3, 1])) for each in (slot, Instance(**longer))]
    np.testing.assert_allclose(*rows, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("preset", ["slack", "tiers", "deadlines", "online", "fast-fading"])
def test_a_batch_shows_bit_for_bit_what_each_slot_does_alone(preset):
    made = {"scenario": preset, "observation": "prices", "reward": "regret-prices"}
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=3, **made)
    alone = [gym.make("mec_gym:MEC-Offload-v0", **made) for _ in range(3)]
    seen, info = batch.reset(seed=5)
    own = [env.reset(seed=5 + row) for row, env in enumerate(alone)]
    for _ in range(8):
        for row in range(3):
            np.testing.assert_array_equal(seen[row], own[row][0])
        actions = info["action_mask"].argmax(axis=1)
        seen, earned, _, _, info = batch.step(actions)
        own = [env.step(int(action)) for env, action in zip(alone, actions, strict=True)]
        np.testing.assert_array_equal(earned, [each[1] for each in own])


def test_hidden_tasks_of_slots_of_another_size_are_refused_with_the_remedy():
    observer = PricesObservation(Scenario.preset("online"))
    with pytest.raises(ValueError, match="for_scenario"):
        observer.prepare(Scenario.preset("large").sample(1, 0))


def test_the_environments_table_states_how_many_features_an_action_has():
    table = OffloadEnv.__doc__
    assert table is not None
    columns = OBSERVATIONS["prices"](Scenario()).space.shape[1]
    assert f"(N, {columns})" in table
