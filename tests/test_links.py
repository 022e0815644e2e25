"""Slots with any mix of options against enumeration with physics derived anew."""

import numpy as np
import pytest
from any_options import Oracle, random_slot

from mec_gym import bounds, system
from mec_gym.problem import Problem
from mec_gym.solvers.exact import TOLERANCE, solve
from mec_gym.solvers.local_search import local_search


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_optimum_bound_and_search_agree_with_enumeration_on_500_slots_of_every_mix(seed):
    rng = np.random.default_rng(seed)
    refused = mixes = 0
    for _ in range(500):
        slot = random_slot(rng)
        oracle = Oracle(slot)
        costs = {chosen: oracle.cost(chosen) for chosen in oracle.assignments()}
        if not costs:
            refused += 1
            with pytest.raises(ValueError, match=r"capacity: slot 0 has|allowed: device \d+ of"):
                solve(slot)
            continue
        best = min(costs, key=costs.get)
        solution = solve(slot)
        found = tuple(solution.assignment.tolist())
        assert costs[found] <= costs[best] * (1 + TOLERANCE)
        assert solution.average_cost * slot.num_devices == pytest.approx(costs[found], rel=1e-11)
        assert system.is_feasible(slot, solution.assignment)
        assert bounds.lower_bound(slot) * slot.num_devices <= costs[best] * (1 + 1e-12)
        assert costs[tuple(local_search(slot).tolist())] >= costs[best] * (1 - 1e-11)
        mixes += len(slot.columns) == 3
    assert refused < 250
    assert mixes > 20


def test_what_is_reported_is_what_follows_from_the_model():
    rng = np.random.default_rng(9)
    seen = set()
    for _ in range(400):
        slot = random_slot(rng)
        oracle = Oracle(slot)
        assignments = list(oracle.assignments())
        if not assignments:
            continue
        chosen = assignments[int(rng.integers(len(assignments)))]
        delays, energies = oracle.outcome(chosen)
        np.testing.assert_allclose(system.task_delays(slot, chosen), delays, rtol=1e-11)
        report = system.report(slot, chosen)
        drop = len(oracle.columns) and oracle.columns[-1] == "drop"
        dropped = [drop and n == oracle.actions - 1 for n in chosen]
        expected = {"cost": oracle.cost(chosen) / len(chosen), "energy_j": np.mean(energies)}
        expected |= {"barred": 0, "dropped": sum(dropped)}
        if slot.deadline_s is not None:
            late = np.greater(delays, slot.deadline_s * (1 + 1e-12))
            expected["missed"] = (late & ~np.array(dropped)).sum()
        for name, value in report.items():
            assert value == pytest.approx(expected[name], rel=1e-11), name
        seen |= report.keys()
    assert seen == {"cost", "energy_j", "missed", "dropped", "barred"}


def test_cpu_shares_are_those_least_in_weighted_delay():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(2)
    tried = 0
    while tried < 5:
        slot = random_slot(rng)
        chosen = np.zeros(slot.num_devices, dtype=np.int64)  # all on one server
        if slot.delay_weight is None or slot.num_devices < 3:
            continue
        tried += 1
        hz, work = slot.server_hz[0], slot.delay_weight * slot.task_cycles
        found = optimize.minimize(
            lambda share, work=work, hz=hz: (work / (share * hz)).sum(),
            np.full(len(work), 1 / len(work)),
            bounds=[(1e-6, 1)] * len(work),
            constraints={"type": "eq", "fun": lambda share: share.sum() - 1},
            tol=1e-12,
        )
        np.testing.assert_allclose(system.allocate_cpu(slot, chosen) / hz, found.x, rtol=2e-3)


def test_frequencies_of_columns_are_the_devices_own_the_clouds_and_none():
    rng = np.random.default_rng(0)
    slot = next(s for s in iter(lambda: random_slot(rng), None) if len(s.columns) == 3)
    for column, hz in enumerate((slot.local_hz, slot.cloud_hz, np.zeros(slot.num_devices))):
        chosen = np.full(slot.num_devices, slot.num_servers + column)
        np.testing.assert_array_equal(system.allocate_cpu(slot, chosen), hz)
        given = system.task_delays(slot, chosen, system.allocate_cpu(slot, chosen))
        np.testing.assert_array_equal(given, system.task_delays(slot, chosen))
        np.testing.assert_array_equal(
            system.share_cpu_equally(slot, chosen), system.allocate_cpu(slot, chosen)
        )


def test_a_link_that_is_not_allowed_makes_an_assignment_infeasible_and_is_counted():
    rng = np.random.default_rng(4)
    for _ in range(200):
        slot = random_slot(rng)
        oracle = Oracle(slot)
        chosen = rng.integers(0, oracle.actions, slot.num_devices)
        barred = sum(not oracle.may(m, n) for m, n in enumerate(chosen.tolist()))
        assert system.barred(slot, chosen) == barred
        within = all((chosen == n).sum() <= slot.capacity[n] for n in range(slot.num_servers))
        assert system.is_feasible(slot, chosen) == (within and not barred)
        assert np.isfinite(system.task_delays(slot, chosen)).all()
        assert np.isinf(Problem.of(slot).cost(chosen)) == (barred > 0)


def test_the_cost_of_a_task_is_the_same_of_its_share_of_the_load_and_of_its_frequency():
    rng = np.random.default_rng(6)
    for _ in range(200):
        slot = random_slot(rng)
        chosen = rng.integers(0, slot.num_actions, slot.num_devices)
        of_hz = system.task_costs(slot, chosen, system.allocate_cpu(slot, chosen))
        np.testing.assert_allclose(system.task_costs(slot, chosen), of_hz, rtol=1e-12)
