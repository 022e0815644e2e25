"""Frameworks beside Stable-Baselines3: TorchRL's checker, and a plain PyTorch training loop."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mec_gym.observations import OBSERVATIONS

ID = "mec_gym:MEC-Offload-v0"
pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.parametrize("observation", sorted(OBSERVATIONS))
def test_torchrls_checker_passes_and_a_rollout_ends_where_slots_end(observation):
    pytest.importorskip("torchrl")
    from torchrl.envs import GymEnv
    from torchrl.envs.utils import check_env_specs

    env = GymEnv(ID, observation=observation)
    check_env_specs(env)
    env.set_seed(0)
    played = env.rollout(20, break_when_any_done=False)
    assert played["next", "terminated"].flatten().nonzero().flatten().tolist() == [8, 17]
    assert played["next", "reward"].isfinite().all()


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
def test_torchrl_takes_the_batch_as_it_takes_gymnasiums_own(mode):
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchrl")
    from torchrl.envs import GymWrapper
    from torchrl.envs.utils import check_env_specs

    def played(batch):
        env = GymWrapper(batch)
        check_env_specs(env)
        env.set_seed(0)
        torch.manual_seed(0)
        return env.rollout(40, break_when_any_done=False)

    ours = played(gym.make_vec(ID, num_envs=3, scenario="slack", autoreset_mode=mode))
    single = [lambda: gym.make(ID, scenario="slack")] * 3
    theirs = played(SyncVectorEnv(single, autoreset_mode=mode))
    assert ours["next", "terminated"].sum() == 3 * 4
    shown = [("next", key) for key in ("observation", "reward", "terminated", "done")]
    for key in ("observation", "action", *shown):
        np.testing.assert_array_equal(ours[key], theirs[key])


@pytest.mark.slow
def test_a_plain_pytorch_loop_learns_from_a_batch_that_resets_itself():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    copies, gamma = 64, 1.0
    env = gym.make_vec(
        ID, num_envs=copies, scenario="paper-varied", observation="servers", reward="regret"
    )
    choices, size = env.single_observation_space.shape
    network = torch.nn.Sequential(  # a value for each server's row
        torch.nn.Linear(size, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1), torch.nn.Flatten(-2)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    seen, _ = env.reset(seed=0)
    paid = []
    for step in range(450):
        with torch.no_grad():
            greedy = network(torch.as_tensor(seen)).argmax(dim=1).numpy()
        explores = rng.random(copies) < max(0.05, 1 - step / 225)
        actions = np.where(explores, rng.integers(0, choices, copies), greedy)
        following, reward, terminated, truncated, info = env.step(actions)
        assert not truncated.any()
        after = following.copy()
        if terminated.any():  # what followed the action, not the next slot's first observation
            after[terminated] = np.stack(info["final_obs"][terminated])
        with torch.no_grad():
            value = network(torch.as_tensor(after)).max(dim=1).values
        goes_on = torch.as_tensor(~terminated)
        target = torch.as_tensor(reward, dtype=torch.float32) + gamma * goes_on * value
        chosen = network(torch.as_tensor(seen)).gather(1, torch.as_tensor(actions)[:, None])
        loss = torch.nn.functional.smooth_l1_loss(chosen[:, 0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert torch.isfinite(loss)
        paid.append(reward.mean())
        seen = following
    env.close()
    assert np.mean(paid[-90:]) > np.mean(paid[:90])  # whole slots
