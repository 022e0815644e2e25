"""RLlib trains on `MEC-Offload-v0` with its action mask."""

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.envs.offload import OffloadEnv

ray = pytest.importorskip("ray")
pytest.importorskip("ray.rllib")


class MaskInObservation(gym.Wrapper):
    """Show the mask where RLlib's example of action masking looks for it; count what was taken."""

    taken, full, feasible = 0, 0, 0

    def __init__(self, config):
        super().__init__(gym.make("mec_gym:MEC-Offload-v0", **config))
        assert isinstance(self.unwrapped, OffloadEnv)
        mask = gym.spaces.Box(0, 1, (self.unwrapped.scenario.num_servers,), np.float32)
        self.observation_space = gym.spaces.Dict(
            {"action_mask": mask, "observations": self.env.observation_space}
        )

    def seen(self, observation, info):
        return {"action_mask": info["action_mask"].astype(np.float32), "observations": observation}

    def reset(self, **kwargs):
        observation, info = self.env.reset(**kwargs)
        return self.seen(observation, info), info

    def step(self, action):
        MaskInObservation.taken += 1
        MaskInObservation.full += not self.unwrapped.action_masks()[action]
        observation, reward, terminated, truncated, info = self.env.step(action)
        MaskInObservation.feasible += info.get("feasible", 0)
        return self.seen(observation, info), reward, terminated, truncated, info


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_rllib_trains_a_few_iterations_and_never_fills_a_full_server(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec
    from ray.rllib.examples.rl_modules.classes.action_masking_rlm import (
        ActionMaskingTorchRLModule,
    )

    scenario = Scenario.preset("paper-varied")  # each place is needed
    config = (
        PPOConfig()
        .environment(MaskInObservation, env_config={"scenario": scenario, "reward": "regret"})
        .env_runners(num_env_runners=0, num_envs_per_env_runner=2)
        .learners(num_learners=0)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActionMaskingTorchRLModule))
        .training(train_batch_size=360, minibatch_size=90, num_epochs=2)
    )
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=80_000_000,
        configure_logging=False,
        log_to_driver=False,
    )
    try:
        algorithm = config.build_algo()
        results = [algorithm.train() for _ in range(3)]
        algorithm.stop()
    finally:
        ray.shutdown()
    lengths = [result["env_runners"]["episode_len_mean"] for result in results]
    assert lengths == [9] * 3
    assert all(np.isfinite(result["env_runners"]["episode_return_mean"]) for result in results)
    assert MaskInObservation.taken >= 3 * 360
    assert MaskInObservation.full == 0
    assert MaskInObservation.feasible > 0
