"""DQN-RAO against Table I, against Stable-Baselines3's own DQN, and against a step by hand."""

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN

from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.agent.losses import SQUARED, huber
from mec_gym.sb3.agent.networks import FlatNetwork
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn


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
    assert isinstance(model.policy.optimizer, torch.optim.Adam)
    assert model.policy.optimizer.param_groups[0]["lr"] == 1e-3
    assert model.gamma == 0.95
    assert model.target_update_interval == 100
    assert model.tau == 1.0
    assert model.train_freq.frequency == 1
    assert model.gradient_steps == 1
    assert model.loss is SQUARED
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


@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("every", [1, 3])
def test_updates_at_once_are_as_many_as_one_by_one_up_to_one_chunk(every, copies):
    made = []
    for settings in ({}, {"updates_at_once": 8, "num_envs": copies}):
        config = TrainConfig(batch_size=16, episodes=30, update_every_steps=every, **settings)
        made.append(make_dqn(config).learn(288)._n_updates)  # whole chunks
    assert made[0] == pytest.approx((288 - 15) / every, abs=1)
    assert abs(made[1] - made[0]) <= 8


def greedy(model, observations):
    with torch.no_grad():
        return model.q_net(torch.from_numpy(observations)).argmax(dim=1).numpy()


def test_each_copy_explores_for_itself():
    model = make_dqn(TrainConfig())
    observations = np.random.default_rng(0).standard_normal((400, 48), dtype=np.float32)
    best = greedy(model, observations)
    assert len(set(best)) > 1
    for rate, deterministic, low, high in (
        (0.5, False, 0.2, 0.47),  # a third: of those that explore two in three differ
        (1.0, False, 0.54, 0.8),
        (0.0, False, 0, 0),
        (1.0, True, 0, 0),
    ):
        model.exploration_rate = rate
        actions, _ = model.predict(observations, deterministic=deterministic)
        assert low <= (actions != best).mean() <= high


def test_one_copy_explores_as_stable_baselines3s_own():
    seen = np.random.default_rng(0).random((60, 48), dtype=np.float32)
    chosen = []
    for make in (DQN, LossDQN):
        model = make("MlpPolicy", gym.make("mec_gym:MEC-Offload-v0"), seed=3, device="cpu")
        model.exploration_rate = 0.5
        actions = [model.predict(one)[0] for one in (*seen, *seen[:, None])]
        chosen.append(actions)
        assert (np.ravel(actions[:60]) != greedy(model, seen)).any()
    for theirs, ours in zip(*chosen, strict=True):
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_array_equal(ours, theirs)


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


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 8])
@pytest.mark.parametrize("max_grad_norm", [10, 0.05])  # which bites
def test_the_fast_update_gives_the_parameters_of_stable_baselines3s_own(max_grad_norm, chunk):
    trained = []
    for make, extra in ((DQN, {}), (LossDQN, {"loss": huber(1.0)})):
        model = make(
            "MlpPolicy",
            gym.make("mec_gym:MEC-Offload-v0"),
            learning_starts=31,
            train_freq=chunk,
            gradient_steps=chunk,
            target_update_interval=50,
            max_grad_norm=max_grad_norm,
            exploration_initial_eps=1.0,  # the same transitions, whatever the last digits
            exploration_final_eps=1.0,
            # By default Adam divides gradients of rounding size by one another.
            policy_kwargs={"optimizer_kwargs": {"eps": 1e-5}},
            seed=3,
            device="cpu",
            **extra,
        )
        start = weights(model)
        trained.append(weights(model.learn(200)))
    for ours, theirs in zip(*trained, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    moved = max((a - b).abs().max() for a, b in zip(start, trained[0], strict=True))
    assert moved > 0.01  # far more than the tolerance


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mlp", "servers"])
@pytest.mark.parametrize("loss", ["squared", "huber"])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("mask", [False, True])
def test_200_updates_are_those_of_pytorchs_own_gradients(network, loss, double, mask):
    if mask and network == "mlp":
        return  # such a policy would not leave out full servers
    changes = {"network": network, "loss": loss, "double": double, "mask": mask}
    config = TrainConfig.preset("regret", hidden=(12, 8), huber_delta=0.1, episodes=40, **changes)
    model = make_dqn(config)
    model.learn(200)
    # By default Adam divides gradients of rounding size by one another.
    model.policy.optimizer.param_groups[0]["eps"] = 1e-4
    model.policy.optimizer.state.clear()
    with torch.no_grad():
        model.flat_target.values += 0.1 * torch.randn_like(model.flat_target.values)
    reference, target = copy.deepcopy(model.q_net), model.q_net_target
    optimizer = torch.optim.Adam(reference.parameters(), lr=model.lr_schedule(0.9), eps=1e-4)
    model._current_progress_remaining = 0.9
    start = weights(model)
    np.random.seed(0)  # noqa: NPY002  # the buffer draws from it
    model.train(200, 32)
    np.random.seed(0)  # noqa: NPY002
    batch = model.replay_buffer.sample(200 * 32)
    for update in range(200):
        part = slice(32 * update, 32 * update + 32)
        then = batch.next_observations[part]
        with torch.no_grad():
            values = target(then)
            choice = reference(then) if double else values
            if mask:
                choice = choice.masked_fill(then[..., 0] <= 0, -torch.inf)
            next_q = values.gather(1, choice.argmax(dim=1, keepdim=True))
            targets = batch.rewards[part] + (1 - batch.dones[part]) * next_q
        q_values = reference(batch.observations[part]).gather(1, batch.actions[part])
        if loss == "squared":
            value = torch.nn.functional.mse_loss(q_values, targets)
        else:
            value = torch.nn.functional.huber_loss(q_values, targets, delta=0.1)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    for ours, theirs in zip(weights(model), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=2e-6)
    moved = max((a - b).abs().max() for a, b in zip(start, weights(model), strict=True))
    assert moved > 0.02  # far more than the tolerance


def test_table_1s_updates_are_those_of_numpys_own_products_to_the_last_bit():
    model = make_dqn(TrainConfig(episodes=60))
    model.learn(250)
    values = torch.nn.Parameter(model.flat.values.detach().clone())
    optimizer = torch.optim.Adam([values], lr=1e-3, fused=True)
    optimizer.load_state_dict(copy.deepcopy(model.policy.optimizer.state_dict()))
    np.random.seed(0)  # noqa: NPY002  # the buffer draws from it
    model.train(40, 64)
    np.random.seed(0)  # noqa: NPY002
    batch = model.replay_buffer.minibatch(40 * 64)

    def layers_of(flat):
        shapes, start = [(128, 48), (64, 128), (3, 64)], 0
        for out, width in shapes:
            weight = flat[start : start + out * width].reshape(out, width)
            start += out * (width + 1)
            yield weight, flat[start - out : start]

    def outputs_of(flat, seen):
        outputs = [seen]
        for weight, bias in layers_of(flat):
            outputs.append(outputs[-1] @ weight.T + bias)
            if len(bias) > 3:
                np.maximum(outputs[-1], 0, out=outputs[-1])
        return outputs

    target = model.flat_target.values.detach().numpy()
    best = outputs_of(target, batch.next_observations)[-1].max(axis=1)
    expected = batch.rewards + (1 - batch.dones) * np.float32(0.95) * best
    rows = np.arange(64)
    for start in range(0, 40 * 64, 64):
        part = slice(start, start + 64)
        own = values.detach().numpy()
        outputs = outputs_of(own, batch.observations[part])
        error = np.zeros((64, 3), np.float32)
        chosen = outputs[-1][rows, batch.actions[part]]
        error[rows, batch.actions[part]] = 2 * (chosen - expected[part]) / 64
        gradient = np.empty_like(own)
        by_layer, layers = list(layers_of(gradient)), list(layers_of(own))
        for number in (2, 1, 0):
            by_weight, by_bias = by_layer[number]
            by_weight[:], by_bias[:] = error.T @ outputs[number], error.sum(axis=0)
            error = (error @ layers[number][0]) * (outputs[number] > 0)
        values.grad = torch.from_numpy(gradient)
        optimizer.step()
    assert torch.equal(model.flat.values.detach(), values.detach())


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
        FlatNetwork(
            torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        )


@pytest.mark.parametrize("delta", [None, 1.0, 0.01])  # none: squared
def test_a_loss_and_its_derivative_are_pytorchs(delta):
    loss = SQUARED if delta is None else huber(delta)
    error = np.linspace(-2, 2, 101, dtype=np.float32)
    leaf = torch.from_numpy(error.copy()).requires_grad_()
    zero = torch.zeros_like(leaf)
    if delta is None:
        values = torch.nn.functional.mse_loss(leaf, zero, reduction="none")
    else:
        values = torch.nn.functional.huber_loss(leaf, zero, reduction="none", delta=delta)
    values.sum().backward()
    np.testing.assert_allclose(loss.value(error), values.detach().numpy(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(loss.derivative(error), leaf.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("delta", [1.0, 0.2])
@pytest.mark.parametrize("scale", [0.1, 30])  # errors on both sides of Huber's bend
def test_the_curves_are_the_mean_huber_loss_and_q_value_of_all_minibatches(scale, delta):
    config = TrainConfig(loss="huber", huber_delta=delta, learning_rate=1e-12, episodes=20)
    model = make_dqn(config)
    model.learn(100)
    model.replay_buffer.rewards[:] *= scale
    model.logger.name_to_value.clear()
    model.logger.name_to_count.clear()
    np.random.seed(0)  # noqa: NPY002  # the buffer draws from it
    batch = model.replay_buffer.sample(3 * 64)
    np.random.seed(0)  # noqa: NPY002
    model.train(3, 64)
    with torch.no_grad():
        q_values = model.q_net(batch.observations).gather(1, batch.actions)
        best_next = model.q_net_target(batch.next_observations).max(dim=1, keepdim=True).values
        targets = batch.rewards + 0.95 * (1 - batch.dones) * best_next
        loss = torch.nn.functional.huber_loss(q_values, targets, delta=delta)
    shown = model.logger.name_to_value
    assert shown["train/loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert shown["train/q_value"] == pytest.approx(q_values.mean().item(), rel=1e-4, abs=1e-6)
