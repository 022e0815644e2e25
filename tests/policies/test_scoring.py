"""A network that scores servers plays any slots, as its forward pass in NumPy says."""

from itertools import pairwise

import numpy as np
import pytest

from mec_gym import Instance, Scenario, is_feasible
from mec_gym.mdp import State
from mec_gym.observations import OBSERVATIONS, ServersObservation
from mec_gym.policies import scoring
from mec_gym.policies.trained import TrainedPolicy, load_policy, save_policy


def policy_for(scenario, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [ServersObservation.NUM_FEATURES, 12, 8, 1]
    layers = tuple(
        tuple(
            rng.normal(0, 0.4, shape).astype(np.float32)
            for shape in ((after, before), (after,), (after, before))
        )
        for before, after in pairwise(sizes)
    )
    return TrainedPolicy(scenario, "servers", layers, {})


@pytest.mark.parametrize("name", ["paper-varied", "slack", "large", "online-slack"])
def test_each_device_goes_to_the_free_server_of_the_greatest_score(name):
    scenario = Scenario.preset(name)
    policy, slots = policy_for(scenario), scenario.sample(20, 4)
    assignment = policy(slots)
    observer = OBSERVATIONS["servers"](scenario)
    for slot, chosen in zip(slots, assignment, strict=True):
        state = State(slot)
        for server in chosen.tolist():
            scores = np.where(state.free, policy.q_values(observer.begin(state)), -np.inf)
            assert scores[server] >= scores.max() - 1e-5
            state.assign(server)


def test_the_same_network_plays_other_sizes_and_batches_slot_by_slot():
    policy = policy_for(Scenario())
    for changes in ({"num_devices": 20, "num_servers": 7}, {"num_devices": 1, "num_servers": 1}):
        slots = Scenario(**changes).sample(6, 1)
        assignment = policy(slots)
        assert is_feasible(slots, assignment).all()
        for row, slot in enumerate(slots):
            np.testing.assert_array_equal(policy(slot), assignment[row])


def test_slots_of_whatever_origin_are_scored_by_one_compiled_loop():
    policy, slots = load_policy("regret-mix"), Scenario.preset("slack").sample(4, 0)
    copied = Instance(**slots.arrays())
    policy(slots)
    loop = scoring.loop_of(ServersObservation.write)
    before = len(loop.signatures)
    for each in (slots[0], slots[:2], slots[:2][1], slots[::2], copied, copied[1]):
        policy(each)
    assert len(loop.signatures) == before


def test_what_a_policy_knows_of_a_law_is_worked_out_once(monkeypatch):
    asked = []
    of = Scenario.cycles_quantiles
    monkeypatch.setattr(
        Scenario, "cycles_quantiles", lambda self, count: asked.append(1) or of(self, count)
    )
    scenario = Scenario.preset("paper-complexity")
    policy, slots = load_policy("regret-online").for_scenario(scenario), scenario.sample(3, 0)
    asked.clear()
    for slot in slots:
        policy(slot)
    assert not asked


def test_it_is_saved_and_loaded_with_its_context_weights(tmp_path):
    policy, slots = policy_for(Scenario()), Scenario().sample(30, 2)
    save_policy(policy, tmp_path)
    loaded = load_policy(tmp_path)
    assert [len(layer) for layer in loaded.weights] == [3, 3, 3]
    np.testing.assert_array_equal(loaded(slots), policy(slots))


def test_weights_without_context_are_refused():
    layers = (
        (np.zeros((1, ServersObservation.NUM_FEATURES), np.float32), np.zeros(1, np.float32)),
    )
    with pytest.raises(ValueError, match="weights"):
        TrainedPolicy(Scenario(), "servers", layers, {})


def test_weights_that_score_servers_are_refused_an_observation_without_rows():
    layers = policy_for(Scenario()).weights
    with pytest.raises(ValueError, match="observation 'paper' has no row for each"):
        TrainedPolicy(Scenario(), "paper", layers, {})


def test_no_weights_at_all_are_refused():
    with pytest.raises(ValueError, match="weights"):
        TrainedPolicy(Scenario(), "servers", (), {})


@pytest.mark.parametrize(
    ("own", "shown", "enough"),
    [
        (None, None, True),
        (None, 0, False),
        (0, None, True),
        (0, 0, True),
        (3, 2, False),
        (2, 3, True),
    ],
)
def test_a_policy_that_looks_further_than_a_scenario_shows_is_not_for_it(own, shown, enough):
    policy = policy_for(Scenario(lookahead=own))
    scenario = Scenario.preset("slack", lookahead=shown)
    assert policy.sees_enough(scenario) == enough
    assert policy.trained_for(scenario) == enough
    # Which gains are to come is in no row of a server: only the lookahead counts.
    fading = scenario.replace(channel={"kind": "uniform", "correlation": 0.0})
    assert policy.sees_enough(fading) == enough
