"""DQN-RAO against Table I, against Stable-Baselines3's own DQN, and against a step by hand."""

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN

from mec_gym.sb3.config import TrainConfig
from mec_gym.sb3.dqn import LossDQN
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


def test_with_huber_loss_and_clipping_it_is_stable_baselines3s_dqn_bit_for_bit():
    trained = []
    for make, extra in ((DQN, {}), (LossDQN, {"loss": "huber"})):
        model = make(
            "MlpPolicy",
            gym.make("mec_gym:MEC-Offload-v0"),
            learning_starts=31,
            train_freq=1,
            target_update_interval=50,
            max_grad_norm=10,
            seed=3,
            device="cpu",
            **extra,
        )
        trained.append(weights(model.learn(200)))
    assert all(torch.equal(a, b) for a, b in zip(*trained, strict=True))


def test_an_update_is_a_step_of_adam_on_the_squared_loss_of_algorithm_1():
    model = make_dqn(TrainConfig(episodes=20))
    model.learn(120)
    reference = copy.deepcopy(model.q_net)
    optimizer = torch.optim.Adam(reference.parameters(), lr=1e-3)
    optimizer.load_state_dict(copy.deepcopy(model.policy.optimizer.state_dict()))
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
        torch.testing.assert_close(ours, by_hand.detach(), rtol=1e-5, atol=1e-6)
