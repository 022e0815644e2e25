"""What work left over costs later, and the local search that minds it."""

import itertools
import json

import numpy as np
import pytest

from mec_gym import Scenario, episodes, system
from mec_gym.benchmark.models import find_policy
from mec_gym.policies import foresight
from mec_gym.policies.foresight import LEVELS, NUM_FEATURES, ForesightPolicy
from mec_gym.solvers.foresight_loops import improving, later_cost
from mec_gym.solvers.two_searches import local_search_prices

QUEUES = Scenario.preset("queues", slots=12)


def made(seed=0, scenario=QUEUES, scale=1.0):
    """A policy of weights drawn at random."""
    rng = np.random.default_rng(seed)
    sizes = (NUM_FEATURES, 8, 1)
    weights = tuple(
        (
            rng.normal(0, scale, (following, size)).astype(np.float32),
            rng.normal(0, scale, following).astype(np.float32),
        )
        for size, following in itertools.pairwise(sizes)
    )
    return ForesightPolicy(scenario, weights, {"config": {"name": "foresight", "seed": seed}})


def test_the_slope_is_what_a_little_more_left_over_costs():
    scenario = Scenario.preset(
        "queues", slots=10, slot_s=0.3, delay_weight=[0.5, 2.0], background={"levels": [0.0, 0.4]}
    )
    drawn = scenario.sample_episodes(3, 1)
    played = episodes.play(drawn, lambda slots, _: local_search_prices(slots))
    hz, weight = drawn.slots.server_hz, drawn.slots.delay_weight
    slope = foresight.kept_waiting(played.assignment, weight, hz, played.backlog_cycles)
    little, compared = 1e3, 0
    for row, slot, server in itertools.product(range(3), range(9), range(3)):
        if played.backlog_cycles[row, slot, server] == 0:
            continue
        more = waited(drawn, played, row, slot, server, little)
        less = waited(drawn, played, row, slot, server, 0.0)
        assert slope[row, slot, server] == pytest.approx((more - less) / little, rel=1e-5)
        compared += 1
    assert compared > 30


def waited(drawn, played, row, slot, server, more):
    """The weighted waits on a server in the slots to come, with more left over when one ends."""
    total, left = 0.0, played.backlog_cycles[row, slot, server] + more
    for later in range(slot + 1, drawn.num_slots):
        hz = drawn.slots.server_hz[row, later, server]
        here = played.assignment[row, later] == server
        total += drawn.slots.delay_weight[row, later][here].sum() * left / hz
        work = drawn.slots.task_cycles[row, later][here].sum()
        left = max(0.0, left + work - hz * drawn.slot_s)
    return total


def test_what_is_left_over_costs_more_the_more_it_is():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        left, hz = rng.uniform(0, 1e10, (6, 3)), rng.uniform(1e9, 9e9, (6, 3))
        slots_left = np.array([0, 1, 2, 5, 9, 11])
        costs = made(seed).later_costs(left, hz, slots_left)
        assert costs.shape == (6, 3, len(LEVELS))
        assert (costs[..., 0] == 0).all()
        assert (costs[0] == 0).all()  # nobody comes after the last slot
        slopes = np.diff(costs, axis=-1) / np.diff(LEVELS)
        assert (slopes >= 0).all()
        assert (np.diff(slopes, axis=-1) >= -1e-9).all()


def test_the_cost_of_a_level_is_linear_between_two_and_beyond_the_last():
    levels, later = np.array([0.0, 1.0, 3.0]), np.array([[0.0, 1.0, 9.0]])
    backlog, could = np.array([2.0]), np.array([10.0])
    for work, cost in ((0, 0), (8, 0), (13, 0.5), (18, 1), (28, 5), (38, 9), (48, 13)):
        assert later_cost(0, work, backlog, could, levels, later) == pytest.approx(cost)
    assert later_cost(1, 5.0, backlog, could, levels, later) == 0


def whole_cost(slot, assignment, later, tau):
    """What the search is to make least, in plain numbers."""
    total = system.task_costs(slot, assignment).sum()
    for server in range(slot.num_servers):
        work = slot.task_cycles[assignment == server].sum() + slot.backlog_cycles[server]
        left = work / (slot.server_hz[server] * tau) - 1
        total += np.interp(max(left, 0), LEVELS, later[server])
    return total


def test_the_search_finds_what_trying_everything_does():
    scenario = Scenario(num_devices=4, num_servers=2, capacity=3, slots=8, slot_s=0.2)
    policy, met = made(3, scenario), []
    episodes.play(
        scenario.sample_episodes(10, 0), lambda s, _: met.append(s) or local_search_prices(s)
    )
    found = total = 0
    for slots in met[2:]:
        left = np.random.default_rng(total).uniform(0, 2e9, slots.server_hz.shape)
        later = policy.later_costs(left, slots.server_hz, slots.slots_left)
        ends = local_search_prices(slots)
        begun = ends.copy()
        improving()(
            slots.tx_delay + slots.backlog_cycles[:, None] / slots.server_hz[:, None],
            np.sqrt(slots.task_cycles),
            slots.server_hz,
            slots.capacity,
            slots.task_cycles,
            slots.backlog_cycles,
            slots.server_hz * 0.2,
            LEVELS,
            later,
            ends,
        )
        for row, slot in enumerate(slots):
            every = [
                np.array(each)
                for each in itertools.product(range(2), repeat=4)
                if max(each.count(0), each.count(1)) <= 3
            ]
            best = min(whole_cost(slot, each, later[row], 0.2) for each in every)
            reached = whole_cost(slot, ends[row], later[row], 0.2)
            assert reached <= whole_cost(slot, begun[row], later[row], 0.2) + 1e-12
            assert reached >= best - 1e-12
            found, total = found + (reached <= best + 1e-9), total + 1
    assert found > 0.95 * total


def test_files_keep_the_policy(tmp_path):
    policy = made()
    foresight.save(policy, tmp_path)
    read = find_policy(str(tmp_path))
    assert isinstance(read, ForesightPolicy)
    assert read.scenario == policy.scenario
    assert read.training == policy.training
    drawn = QUEUES.sample_episodes(2, 0)
    one, other = (
        episodes.play(drawn, lambda s, _, p=each: p(s, 0)).assignment for each in (policy, read)
    )
    np.testing.assert_array_equal(one, other)


def test_a_changed_byte_is_noticed(tmp_path):
    foresight.save(made(), tmp_path)
    weights = tmp_path / "policy.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ValueError, match="SHA-256 differs"):
        foresight.load(tmp_path)
    facts = json.loads((tmp_path / "policy.json").read_text())
    facts["training"] = {}
    (tmp_path / "policy.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="damaged or edited"):
        foresight.load(tmp_path)


def test_no_policy_is_found_where_there_is_none(tmp_path):
    with pytest.raises(ValueError, match="no foresight policy: No such file"):
        foresight.load(tmp_path)


def test_slots_that_follow_no_others_are_refused():
    policy = made()
    assert not policy.trained_for(Scenario())
    with pytest.raises(ValueError, match="it has no backlog_cycles"):
        policy(Scenario().sample(2, 0), 0)
    with pytest.raises(ValueError, match="scenario: its slots leave no work over"):
        policy.for_scenario(Scenario())(QUEUES.sample_episodes(1, 0).slots[:, 0], 0)


@pytest.mark.parametrize(
    "weights", [(), ((np.zeros((1, 3), np.float32), np.zeros(1, np.float32)),)]
)
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        ForesightPolicy(QUEUES, weights, {})
