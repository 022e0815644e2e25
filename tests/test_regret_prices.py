"""Reward `regret-prices` on random problems of every mix: brute force, sums, signs, batches."""

import itertools

import numpy as np
import pytest
from exhaustive import KINDS, kinds, least_beyond
from slots import changed

from mec_gym import Scenario, bounds, rewards
from mec_gym.mdp import Slot, State
from mec_gym.problem import Problem
from mec_gym.rewards import preparation, prepared_by, regret_prices

MIXES = ("all places needed", "room to spare", "columns", "links barred", "columns alone")


def problem_of(rng, mix):
    """A small problem: servers that share or not, links barred or not, places needed or not."""
    num_devices = int(rng.integers(1, 6))
    num_servers = int(rng.integers(1, 4))
    if mix == "all places needed":
        num_devices = num_servers * int(rng.integers(1, 3))
        capacity = np.full(num_servers, num_devices // num_servers)
    else:
        capacity = rng.integers(0, num_devices + 1, num_servers)
        capacity[0] = num_devices
    hz = rng.uniform(1, 4, num_servers)
    if mix == "columns":
        hz, capacity = np.append(hz, [np.inf, np.inf]), np.append(capacity, [num_devices] * 2)
    if mix == "columns alone":
        hz = np.full(num_servers, np.inf)
    cost = rng.uniform(0.1, 2, (num_devices, len(hz)))
    if mix == "links barred":
        cost[rng.random(cost.shape) < 0.4] = np.inf
        cost[:, 0] = 1.0
    return Problem(cost, rng.uniform(0.3, 2, num_devices), hz, capacity.astype(np.int64))


def slot_of(problem, price, charge):
    """The problem as a slot in plain numbers, at some prices."""
    barred = ~problem.allowed
    cost = np.where(barred, 7.0, problem.link_cost)  # a number that nothing may look at
    num_servers = problem.num_servers
    return Slot(
        tx_delay=cost.tolist(),
        task_cycles=(problem.size**2).tolist(),
        sqrt_cycles=problem.size.tolist(),
        server_hz=problem.server_hz.tolist(),
        capacity=problem.capacity.tolist(),
        link_cost=cost.tolist(),
        allowed=problem.allowed.tolist() if barred.any() else [],
        wait=[],
        last_server=[],
        slots_left=0,
        slot_s=0.0,
        for_reward=[price.tolist(), charge.tolist()],
        load=[0] * num_servers,
        sqrt_load=[0.0] * num_servers,
    )


def prices_of(rng, problem):
    """Those of the relaxation, or any."""
    if rng.random() < 0.5:
        solved = bounds.relax(problem)
        return solved.price, solved.charge
    shared = np.isfinite(problem.server_hz)
    price = np.where(shared, rng.uniform(0, 2, len(shared)), 0.0)
    return price, rng.uniform(0, 1, len(shared)) * (rng.random(len(shared)) < 0.7)


def parts(problem, price, charge, chosen):
    """The three parts of a partly assigned slot, each the least that it can still become."""
    hz, capacity, servers = problem.server_hz, problem.capacity, range(problem.num_servers)
    paid = problem.link_cost + problem.size[:, None] * price + charge
    decided, num_devices = len(chosen), problem.num_devices
    used = np.bincount(np.array(chosen, int), minlength=problem.num_servers)
    load = np.array([problem.size[:decided][np.array(chosen, int) == n].sum() for n in servers])
    tasks = sum(paid[m, n] for m, n in enumerate(chosen))
    for m in range(decided, num_devices):
        some = [paid[m, n] for n in servers if used[n] < capacity[n] and np.isfinite(paid[m, n])]
        tasks += min(some, default=0.0)
    with np.errstate(invalid="ignore"):
        planned = np.where(np.isfinite(hz), price * hz / 2, 0.0)
    loads = least_beyond(hz, load - planned, problem.size[decided:].sum())
    to_come = num_devices - decided
    filled = itertools.product(*(range(max(capacity[n] - used[n], 0) + 1) for n in servers))
    places = min(
        charge @ (capacity - used - np.array(more)) for more in filled if sum(more) == to_come
    )
    return tasks, loads, places


def proven(problem, price, charge):
    """The bound that prices prove, from its formula."""
    hz = problem.server_hz
    paid = problem.link_cost + problem.size[:, None] * price + charge
    shared = np.isfinite(hz)
    refund = charge @ problem.capacity + (price[shared] ** 2 * hz[shared] / 4).sum()
    return paid[:, problem.capacity > 0].min(axis=1).sum() - refund


def played(rng, slot, problem, feasibly):
    """Random decisions, on open servers where asked for, and what each earns."""
    chosen, earned, opened = [], [], []
    for device in range(problem.num_devices):
        allowed = np.flatnonzero(problem.allowed[device])
        free = [n for n in allowed if slot.load[n] < slot.capacity[n]]
        server = int(rng.choice(free if feasibly and free else allowed))
        earned.append(regret_prices(slot, device, server))
        opened.append(server in free)
        slot.load[server] += 1
        slot.sqrt_load[server] += slot.sqrt_cycles[device]
        chosen.append(server)
    return chosen, np.array(earned), np.array(opened)


@pytest.mark.parametrize("mix", MIXES)
def test_it_is_minus_the_rise_in_parts_found_by_brute_force(mix):
    rng = np.random.default_rng(1)
    for case in range(60):
        problem = problem_of(rng, mix)
        price, charge = prices_of(rng, problem)
        slot = slot_of(problem, price, charge)
        chosen, earned, opened = played(rng, slot, problem, feasibly=case % 3 > 0)
        on_the_way = [
            sum(parts(problem, price, charge, chosen[:decided]))
            for decided in range(problem.num_devices + 1)
        ]
        np.testing.assert_allclose(-earned, np.diff(on_the_way), atol=1e-9)
        assert np.isfinite(earned).all()
        assert (earned[opened] <= 0).all()


@pytest.mark.parametrize("mix", MIXES)
def test_at_the_best_prices_it_sums_to_the_cost_less_the_bound(mix):
    rng = np.random.default_rng(2)
    for _ in range(60):
        problem = problem_of(rng, mix)
        solved = bounds.relax(problem)
        slot = slot_of(problem, solved.price, solved.charge)
        chosen, earned, _ = played(rng, slot, problem, feasibly=True)
        at_first = sum(parts(problem, solved.price, solved.charge, []))
        at_first -= (
            (problem.link_cost + problem.size[:, None] * solved.price + solved.charge)[
                :, problem.capacity > 0
            ]
            .min(axis=1)
            .sum()
        )
        cost = problem.cost(chosen)
        exact = proven(problem, solved.price, solved.charge) + at_first
        assert -earned.sum() == pytest.approx(cost - exact, abs=1e-9)
        assert at_first + 1e-9 >= 0
        assert -earned.sum() == pytest.approx(cost - solved.total_cost, abs=1e-6 * cost)


@pytest.mark.parametrize("kind", KINDS)
def test_in_slots_of_every_kind_it_sums_to_the_delay_less_the_bound(kind):
    rng = np.random.default_rng(3)
    for slot in kinds(rng, 5)[kind]:
        state, total = State(slot, preparation(regret_prices)), 0.0
        while not state.done:
            server = int(rng.choice(np.flatnonzero(state.free)))
            earned = regret_prices(state.slot, state.device, server)
            assert earned <= 0
            total -= earned
            state.assign(server)
        cost = float(Problem.of(slot).cost(state.assignment))
        assert total == pytest.approx(cost - float(bounds.relax(slot).total_cost), abs=1e-6 * cost)


def test_a_slot_knows_the_same_alone_in_a_batch_and_among_states():
    from mec_gym.mdp import States

    slots = Scenario.preset("slack").sample(5, 0)
    prepare = preparation(regret_prices)
    batch = State(slots, prepare).slot.for_reward
    states = States(slots, prepare)
    solved = bounds.relax(slots)
    np.testing.assert_array_equal(batch, np.stack([solved.price, solved.charge], axis=1))
    for row, slot in enumerate(slots):
        assert State(slot, prepare).slot.for_reward == batch[row].tolist()
        assert states[row].slot.for_reward == batch[row].tolist()
    assert State(slots[0]).slot.for_reward == []


def speeds(slots):
    return 1 / slots.server_hz


@prepared_by(speeds)
def inverse_speed(slot, device, server):
    """A user's own, with something worked out once a slot."""
    return -slot.for_reward[server]


@pytest.mark.parametrize("observation", ["servers", "paper"])
def test_a_reward_of_ones_own_may_have_something_worked_out_once_a_slot(observation):
    import gymnasium as gym

    given = {"scenario": "slack", "observation": observation, "reward": inverse_speed}
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=3, **given)
    single = gym.make("mec_gym:MEC-Offload-v0", **given)
    batch.reset(seed=4)
    single.reset(seed=4)
    hz = single.unwrapped.instance.server_hz
    for step in range(9):
        earned = batch.step(np.full(3, step % 3))[1]
        alone = single.step(step % 3)[1]
        full = step // 3 >= 5
        assert earned[0] == alone == pytest.approx(-1 / hz[step % 3] - 10.0 * full)
    assert rewards.preparation(inverse_speed) is speeds


def test_of_a_slot_without_a_feasible_assignment_the_prices_are_0():
    slots = Scenario(num_devices=4, num_servers=2, capacity=(2, 2)).sample(3, 0)
    covered = np.ones(slots.gain.shape, bool)
    covered[1, :3, 0] = False  # three devices for the two places of the other server
    covered[2, 0] = False
    barred = Problem.of(changed(slots, covered=covered))
    slot = State(changed(slots, covered=covered), preparation(regret_prices)).slot
    assert np.abs(slot.for_reward).reshape(3, -1).max(axis=1)[0] > 0
    assert (slot.for_reward[1:] == 0).all()
    assert not barred.allowed[2, 0].any()


@pytest.mark.parametrize("preset", ["slack", "tiers"])
def test_in_units_it_is_the_same_over_one_task_alone_on_one_server(preset):
    rng = np.random.default_rng(4)
    for slot in Scenario.preset(preset).sample(5, 1):
        known = State(slot, preparation(rewards.regret_units))
        plain = State(slot, preparation(regret_prices))
        problem = Problem.of(slot)
        hz = problem.server_hz[np.isfinite(problem.server_hz)]
        unit = problem.size.mean() ** 2 / hz.mean()
        while not plain.done:
            server = int(rng.choice(np.flatnonzero(plain.free)))
            earned = regret_prices(plain.slot, plain.device, server)
            in_units = rewards.regret_units(known.slot, known.device, server)
            assert in_units * unit == pytest.approx(earned, rel=1e-12)
            for state in (known, plain):
                state.assign(server)
