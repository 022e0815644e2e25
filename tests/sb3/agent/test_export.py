"""A policy in a Stable-Baselines3 zip does there what it does here."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import DQN

import mec_gym
from mec_gym.commands import shell
from mec_gym.observations import ServersObservation
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.agent import export
from mec_gym.sb3.agent.dqn import LossDQN


def test_a_network_that_scores_servers_is_loaded_and_never_chooses_a_full_one(tmp_path):
    policy, file = mec_gym.load_policy("regret-mix"), tmp_path / "model.zip"
    assert shell.main("export", ["regret-mix", str(file)]) == 0
    model = LossDQN.load(file)
    scenario = policy.scenario
    env = gym.make("MEC-Offload-v0", scenario=scenario, observation="servers")
    slots = scenario.sample(5, 3)
    for slot, expected in zip(slots, policy(slots), strict=True):
        observation, _ = env.reset(options={"instance": slot})
        done = False
        while not done:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, done, _, info = env.step(action)
        assert (info["assignment"] == expected).all()


def test_its_values_are_those_of_the_policy():
    policy = mec_gym.load_policy("regret-online")
    model = export.model_of(policy)
    rows = (
        np.random.default_rng(0)
        .normal(size=(50, 3, ServersObservation.NUM_FEATURES))
        .astype(np.float32)
    )
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        values = model.q_net(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(values, policy.q_values(rows), atol=1e-5)


def test_a_zip_is_never_read(tmp_path):
    file = tmp_path / "model.zip"
    export.export(mec_gym.load_policy("regret-mix"), file)
    with pytest.raises(ValueError, match="not a run directory"):
        load_policy(file)


def test_a_zip_says_what_to_load_it_with(tmp_path):
    for name, right, wrong in (("dqn-rao", DQN, LossDQN), ("regret-mix", LossDQN, DQN)):
        file = tmp_path / f"{name}.zip"
        export.export(mec_gym.load_policy(name), file)
        assert isinstance(right.load(file), right)
        with pytest.raises(
            ValueError, match=rf"^path: .*load it with [\w.]*\b{right.__name__}.load$"
        ):
            wrong.load(file)
