"""The network that scores servers: its gradient, its masks, its double Q-learning."""

import numpy as np
import pytest
import torch
from torch import nn

from mec_gym import is_feasible
from mec_gym.observations import ServersObservation
from mec_gym.sb3.agent.networks import FlatNetwork, ServerScores
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn, snapshot

FEATURES = ServersObservation.NUM_FEATURES


def rows(count, num_servers, features=FEATURES, seed=0):
    """Random rows of servers, of which some are full: all zeros."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(count, num_servers, features)).astype(np.float32)
    free = rng.random((count, num_servers)) < 0.6
    free[:, 0] = True
    drawn[..., 0] = 1
    return drawn * free[..., None]


def test_a_step_on_the_flat_values_is_one_on_the_module():
    network = ServerScores(FEATURES, (5,), 0)
    inputs = rows(3, 2)
    flat, before = FlatNetwork(network), network(torch.from_numpy(inputs)).detach().numpy().copy()
    with torch.no_grad():
        flat.values += 0.1
    after = network(torch.from_numpy(inputs)).detach().numpy()
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(flat.q_values(inputs), after, atol=1e-6)


def test_servers_in_another_order_have_the_same_scores_and_full_ones_change_nothing():
    flat = FlatNetwork(ServerScores(FEATURES, (8, 8), 0))
    inputs = rows(6, 5)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_allclose(
        flat.q_values(inputs[:, order]), flat.q_values(inputs)[:, order], atol=1e-5
    )
    wider = np.concatenate([inputs, np.zeros((6, 2, FEATURES), np.float32)], axis=1)
    np.testing.assert_allclose(flat.q_values(wider)[:, :5], flat.q_values(inputs), atol=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(3, 4), nn.ReLU()),
        nn.Sequential(nn.Linear(3, 4, bias=False)),
        nn.Sequential(nn.ReLU(), nn.Linear(3, 4)),
    ],
    ids=["ends with ReLU", "no bias", "begins with ReLU"],
)
def test_a_network_that_would_be_computed_otherwise_is_refused(network):
    with pytest.raises(TypeError, match="linear layers with ReLU between"):
        FlatNetwork(network)


@pytest.fixture(scope="module")
def model():
    return make_dqn(TrainConfig.preset("regret", episodes=20))


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_a_full_server_is_chosen_neither_greedily_nor_at_random(model, rate):
    model.exploration_rate = rate
    inputs = rows(500, 3)
    actions, _ = model.predict(inputs)
    assert (inputs[np.arange(500), actions, 0] > 0).all()
    if rate == 1.0:
        only_free = inputs[:, :, 0].sum(axis=1) == 3
        counts = np.bincount(actions[only_free], minlength=3)
        assert counts.min() > 0.2 * counts.sum()


@pytest.mark.parametrize("double", [False, True])
def test_the_next_value_is_that_of_a_free_server(double):
    model = make_dqn(TrainConfig.preset("regret", episodes=20, double=double))
    with torch.no_grad():
        model.flat_target.values += 0.3 * torch.randn_like(model.flat_target.values)
    inputs = rows(50, 3)
    online, target = model.flat.q_values(inputs), model.flat_target.q_values(inputs)
    expected = []
    for slot in range(50):
        free = [server for server in range(3) if inputs[slot, server, 0] > 0]
        choice = online if double else target
        best = max(free, key=lambda server: choice[slot, server])
        expected.append(target[slot, best])
    np.testing.assert_allclose(model._next_values(inputs), expected, rtol=1e-5)


def test_from_the_first_step_on_no_slot_is_overloaded():
    model = make_dqn(TrainConfig.preset("regret", episodes=40))
    model.learn(40 * 9)
    buffer = model.replay_buffer
    stored = buffer.observations[: buffer.pos].reshape(-1, 3, FEATURES)
    chosen = buffer.actions[: buffer.pos].reshape(-1)
    assert (stored[np.arange(len(stored)), chosen, 0] > 0).all()


def test_its_policy_plays_slots_of_other_sizes_within_capacity(model):
    policy = snapshot(model, TrainConfig.preset("regret"))
    for name in ("large", "slack"):
        slots = TrainConfig.preset("regret", scenario=name).scenario.sample(4, 1)
        assert is_feasible(slots, policy(slots)).all()


def test_the_servers_network_needs_the_servers_observation():
    with pytest.raises(ValueError, match=r"network: .* does not read observation"):
        TrainConfig(network="servers")


def flat_config(**changes):
    """The preset `regret` with Table I's network in place of the one that scores servers."""
    return TrainConfig.preset("regret", network="mlp", mask=False, episodes=40, **changes)


def test_the_networks_of_one_size_read_the_servers_flattened_as_torch_does():
    model = make_dqn(flat_config())
    inputs = rows(30, 3)
    with torch.no_grad():
        expected = model.q_net.q_net(torch.from_numpy(inputs).flatten(1)).numpy()
    np.testing.assert_allclose(model.flat.q_values(inputs), expected, atol=1e-5)
    policy = snapshot(model, flat_config())
    assert [weight.shape[1] for weight, _ in policy.weights] == [
        3 * FEATURES,
        64,
        64,
    ]
    np.testing.assert_allclose(policy.q_values(inputs), expected, atol=1e-5)
    np.testing.assert_allclose(policy.q_values(inputs[0]), expected[0], atol=1e-5)


def test_a_network_of_one_size_on_servers_trains_and_plays_slots_of_that_size_only():
    config = flat_config()
    model = make_dqn(config)
    before = model.flat.values.detach().clone()
    model.learn(40 * 9)
    assert not torch.equal(before, model.flat.values)
    policy = snapshot(model, config)
    assert not policy.scores_servers
    assert policy.trained_for(config.scenario)
    assert policy.for_scenario(config.scenario) is policy
    slots = config.scenario.sample(20, 1)
    assignment = policy(slots)
    for row in range(3):
        np.testing.assert_array_equal(policy(slots[row]), assignment[row])
    for name in ("slack", "large"):
        other = config.replace(scenario=name).scenario
        assert not policy.trained_for(other)
        with pytest.raises(ValueError, match="trained for other slots"):
            policy(other.sample(2, 1))
