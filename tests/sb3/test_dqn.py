"""DQN-RAO against Table I, against Stable-Baselines3's own DQN, and against a step by hand."""

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN

from mec_gym.sb3.config import TrainConfig
from mec_gym.sb3.dqn import LossDQN
from mec_gym.sb3.flat import FlatMLP
from mec_gym.sb3.training import make_dqn


def weights(model):
    return [p.detach().clone() for p in model.q_net.parameters()]


def test_the_paper_preset_is_table_1_and_algorithm_1():
    config = TrainConfig.preset("paper")
    model = make_dqn(config)
    shapes = [tuple(p.shape) for p in model.q_net.parameters()]
    assert shapes == [(128, 48), (128,), (64, 128), (64,), (3, 64), (3,)]
    layers = [type(layer).__name__ for layer in model.q_net.q_net]
    assert layers == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert model.replay_buffer.buffer_size == 100_000
    assert model.batch_size == 64
    assert type(model.policy.optimizer) is torch.optim.Adam
    assert model.policy.optimizer.param_groups[0]["lr"] == 1e-3
    assert model.gamma == 0.95
    assert model.target_update_interval == 100
    assert model.tau == 1.0
    assert model.train_freq.frequency == 1
    assert model.gradient_steps == 1
    assert model.loss == "squared"
    assert model.max_grad_norm is None
    assert config.episodes == 4000


@pytest.mark.parametrize(
    ("episode", "epsilon"), [(0, 1.0), (1000, 0.525), (2000, 0.05), (3000, 0.05), (4000, 0.05)]
)
def test_epsilon_falls_linearly_from_1_to_5_percent_over_2000_of_4000_episodes(episode, epsilon):
    model = make_dqn(TrainConfig())
    assert model.exploration_schedule(1 - episode / 4000) == pytest.approx(epsilon)


def test_every_step_is_followed_by_an_update_from_the_first_full_minibatch_on():
    model = make_dqn(TrainConfig(batch_size=16, episodes=10))
    model.learn(90)
    assert model._n_updates == 90 - 15


def test_the_target_network_is_copied_every_100_steps_and_only_then():
    model = make_dqn(TrainConfig(episodes=50))
    model.learn(199)
    at_199 = [p.clone() for p in model.q_net_target.parameters()]
    assert any(
        not torch.equal(a, b) for a, b in zip(weights(model), at_199, strict=True)
    )  # the network itself went on
    model.learn(1, reset_num_timesteps=False)
    at_200 = list(model.q_net_target.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(at_199, at_200, strict=True))


@pytest.mark.parametrize(("max_grad_norm", "bites"), [(10, False), (0.05, True)])
def test_the_fast_update_gives_the_parameters_of_stable_baselines3s_own(max_grad_norm, bites):
    trained = []
    for make, extra in ((DQN, {}), (LossDQN, {"loss": "huber"})):
        model = make(
            "MlpPolicy",
            gym.make("mec_gym:MEC-Offload-v0"),
            learning_starts=31,
            train_freq=1,
            target_update_interval=50,
            max_grad_norm=max_grad_norm,
            exploration_initial_eps=1.0,  # the same transitions, whatever the last digits
            exploration_final_eps=1.0,
            seed=3,
            device="cpu",
            **extra,
        )
        start = weights(model)
        trained.append(weights(model.learn(200)))
    for ours, theirs in zip(*trained, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    moved = max((a - b).abs().max() for a, b in zip(start, trained[0], strict=True))
    assert moved > 0.01  # far more than the tolerance


def test_updates_are_steps_of_adam_on_the_squared_loss_of_algorithm_1():
    model = make_dqn(TrainConfig(episodes=20))
    model.learn(63)
    assert model._n_updates == 0
    reference = copy.deepcopy(model.q_net)
    optimizer = torch.optim.Adam(reference.parameters(), lr=1e-3)
    for _ in range(3):
        state = np.random.get_state()  # noqa: NPY002  # the buffer draws from it
        batch = model.replay_buffer.sample(64)
        np.random.set_state(state)  # noqa: NPY002  # the model draws the same minibatch
        model.train(1, 64)
        loss = torch.zeros(())
        for i in range(64):
            best_next = model.q_net_target(batch.next_observations[i : i + 1]).max().detach()
            target = batch.rewards[i, 0] + (0.0 if batch.dones[i, 0] else 0.95 * best_next)
            q_value = reference(batch.observations[i : i + 1])[0, batch.actions[i, 0]]
            loss = loss + (target - q_value) ** 2 / 64
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for ours, by_hand in zip(weights(model), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, by_hand.detach(), rtol=1e-4, atol=1e-6)


def test_a_model_saved_by_stable_baselines3_learns_on_as_if_never_saved(tmp_path):
    model = make_dqn(TrainConfig(episodes=20))
    model.learn(100)
    model.save(tmp_path / "model.zip")
    model.save_replay_buffer(tmp_path / "replay")
    loaded = LossDQN.load(tmp_path / "model.zip")
    loaded.load_replay_buffer(tmp_path / "replay")
    loaded.set_logger(model.logger)
    for one in (model, loaded):
        np.random.seed(0)  # noqa: NPY002  # the buffer draws from it
        one.train(5, 64)
    for ours, theirs in zip(weights(model), weights(loaded), strict=True):
        assert torch.equal(ours, theirs)


def test_a_network_the_update_cannot_handle_is_refused():
    with pytest.raises(TypeError, match="linear layers with ReLU between"):
        FlatMLP(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)))


def test_the_gradient_by_hand_is_autograds():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 6), torch.nn.ReLU(),
        torch.nn.Linear(6, 3),
    )  # fmt: skip
    inputs, error = torch.randn(11, 5), torch.randn(11, 3)
    gradients = torch.autograd.grad((network(inputs) * error).sum(), list(network.parameters()))
    flat = FlatMLP(network)
    outputs = flat.forward(inputs.numpy())
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(outputs[-1]), network(inputs))
    flat.backward(outputs, error.numpy())
    expected = torch.cat([gradient.reshape(-1) for gradient in gradients])
    torch.testing.assert_close(flat.values.grad, expected, rtol=1e-5, atol=1e-6)
