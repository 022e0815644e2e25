"""A trained network plays a slot with candidate links, of which it sees those of a device only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import mdp
from mec_gym.bounds.candidates import CandidateRelaxation
from mec_gym.candidates import Candidates
from mec_gym.compiling import loop, loops_for
from mec_gym.io.messages import quoted
from mec_gym.observations import PricesObservation, find
from mec_gym.observations.candidate_plans import plan_candidates
from mec_gym.observations.plans import OF_DEVICE, OF_SLOT
from mec_gym.observations.prices import write_rows
from mec_gym.policies.scoring import best_of, by_input
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.solvers.candidates import assign_left

IntArray = NDArray[np.int64]


def assign_by_network(
    policy: TrainedPolicy, relaxed: CandidateRelaxation
) -> tuple[IntArray, Candidates]:
    """Return a feasible assignment, (M,), and the candidates with all links that it uses.

    Each device in turn goes to the candidate with free places of the greatest score; one that finds
    none pays least for any server, see `solvers.candidates.assign_left`. The network sees its
    observation at the prices of the bound, a row a candidate, of a slot whose servers are the
    device's candidates: the devices gone are the tasks on these, and those to come are the ones
    whose own best candidate is one of these. How large tasks to come are is said of all of them. So
    a decision takes time by the number of its candidates. No places are held for those to come, see
    `held_places`; where every server is a candidate the assignment is what the network by itself
    chooses in this order, if it is given the same prices.

    Args:
        policy: a network that scores servers by observation `prices`, such as `regret-family`.
        relaxed: the prices of `bounds.candidates.relax_candidates`, and the slot.

    Raises:
        ValueError: another network, or a device finds no place on a server that it may use.
    """
    _check(policy)
    given = relaxed.candidates
    plan, layers = plan_candidates(relaxed), by_input(policy.weights)
    most = int(np.diff(given.first).max())
    rows = np.empty((2, most, max(max(each.shape) for each, *_ in layers)), np.float32)
    num_servers = len(given.server_hz)
    load, sqrt_load = np.zeros(num_servers, np.int64), np.zeros(num_servers)
    assignment = np.full(given.num_devices, -1)
    numbers = *given.numbers(), load, sqrt_load
    left, costs = [], []
    device = _play()(0, *numbers, *plan, layers, rows, assignment)
    while device < given.num_devices:
        left.append(device)
        alone, free = np.array([device]), given.capacity - load
        prices = relaxed.price, relaxed.charge
        costs.append(assign_left(given, *prices, sqrt_load, free, assignment, alone)[0])
        load[assignment[device]] += 1
        device = _play()(device + 1, *numbers, *plan, layers, rows, assignment)
    found = np.array(left, np.int64)
    return assignment, given.with_links(found, assignment[found], np.array(costs))


def _check(policy: TrainedPolicy) -> None:
    """Check that a policy sees what can be shown of a slot with candidate links.

    Raises:
        ValueError: it does not.
    """
    scores = isinstance(policy, TrainedPolicy) and policy.scores_servers
    if not scores or find(policy.observation) is not PricesObservation:
        seen = getattr(policy, "observation", type(policy).__name__)
        raise ValueError(
            f"policy: {quoted(seen)} plays no candidate links; give a network that scores servers"
            " by observation 'prices', such as mec_gym.load_policy('regret-family')"
        )
    own = policy.scenario
    if own.hides_tasks or own.slots > 1:
        raise ValueError(
            f"policy: it was trained with lookahead={own.lookahead}, slots={own.slots}; give one of"
            " slots by themselves whose tasks are all seen, such as"
            " mec_gym.load_policy('regret-family')"
        )


@loops_for
def _play(formulas: str) -> Any:
    """Return the loop that assigns devices from one on, up to one whose candidates are all full."""

    @loop
    def over_devices(
        start: Any,
        first: Any,
        server: Any,
        cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        load: Any,
        sqrt_load: Any,
        prices: Any,
        units: Any,
        sizes: Any,
        wishes: Any,
        layers: Any,
        rows: Any,
        assignment: Any,
    ) -> Any:
        assert formulas
        most, features = rows.shape[1], layers[0][0].shape[0]
        hz, places = np.empty(most), np.empty(most, np.int64)
        tasks, work = np.empty(most, np.int64), np.empty(most)
        plan = np.empty((OF_SLOT + OF_DEVICE, max(most, 3)))
        mask = np.empty(most, np.int8)
        mean, shared = np.empty(rows.shape[2], np.float32), np.empty(rows.shape[2], np.float32)
        allowed, of_time = np.empty((0, 0), np.bool_), np.empty(0)
        last_server = np.empty(0, np.int64)
        for device in range(start, len(size)):
            begin, count = first[device], first[device + 1] - first[device]
            gone = to_come = free = 0
            plan[2, :3], plan[OF_SLOT, :3] = units, sizes[device]
            for link in range(count):
                n = server[begin + link]
                hz[link], places[link] = server_hz[n], capacity[n]
                tasks[link], work[link] = load[n], sqrt_load[n]
                plan[0, link], plan[1, link] = prices[0, n], prices[1, n]
                for part in range(len(wishes)):
                    plan[OF_SLOT + 1 + part, link] = wishes[part, begin + link]
                gone += load[n]
                to_come += int(wishes[1, begin + link])
                free += capacity[n] - load[n]
            if free == 0:
                return device
            seen = gone + 1 + to_come
            costs = np.broadcast_to(cost[begin : begin + count], (seen, count))
            q = np.broadcast_to(size[device : device + 1], (seen,))
            slot = mdp.Slot(
                costs,
                q,
                q,
                hz[:count],
                places[:count],
                costs,
                allowed,
                of_time,
                last_server,
                0,
                0.0,
                of_time,
                tasks[:count],
                work[:count],
            )
            write_rows(slot, gone, plan, OF_SLOT, rows[0, :count, :features])
            mdp.write_mask(slot, gone, mask[:count])
            best = best_of(layers, rows, mask[:count], mean, shared)
            chosen = server[begin + best]
            load[chosen] += 1
            sqrt_load[chosen] += size[device]
            assignment[device] = chosen
        return len(size)

    return over_devices
