"""Batches of different scenarios side by side are those batches."""

import gymnasium as gym
import numpy as np
import pytest

from mec_gym.observations import ServersObservation
from mec_gym.sb3.agent.mixed import MixedVecEnv
from mec_gym.sb3.agent.vec_env import OffloadVecEnv
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

ID = "mec_gym:MEC-Offload-v0"


def batches():
    return [
        OffloadVecEnv(gym.make_vec(ID, num_envs=count, scenario=name, observation="servers"))
        for name, count in (("slack", 2), ("large", 3))
    ]


def test_each_copy_plays_what_its_own_batch_plays_with_rows_of_zeros_for_missing_servers():
    mixed, alone = MixedVecEnv(batches()), batches()
    mixed.seed(5)
    alone[0].seed(5)
    alone[1].seed(7)
    seen = mixed.reset()
    own = [part.reset() for part in alone]
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert seen.shape == (5, 5, ServersObservation.NUM_FEATURES)
        np.testing.assert_array_equal(seen[:2, :3], own[0])
        assert (seen[:2, 3:] == 0).all()
        np.testing.assert_array_equal(seen[2:], own[1])
        actions = np.concatenate([rng.integers(0, 3, 2), rng.integers(0, 5, 3)])
        seen, reward, done, infos = mixed.step(actions)
        parts = [part.step(own) for part, own in zip(alone, np.split(actions, [2]), strict=True)]
        own = [part[0] for part in parts]
        np.testing.assert_array_equal(reward, np.concatenate([part[1] for part in parts]))
        np.testing.assert_array_equal(done, np.concatenate([part[2] for part in parts]))
        for info, expected in zip(infos, [i for part in parts for i in part[3]], strict=True):
            assert info.keys() == expected.keys()
            if "terminal_observation" in info:
                assert info["terminal_observation"].shape == (5, ServersObservation.NUM_FEATURES)


def test_copies_of_either_batch_are_asked_and_reset_alone():
    mixed, alone = MixedVecEnv(batches()), batches()
    mixed.seed(5)
    alone[0].seed(5)
    alone[1].seed(7)
    mixed.reset()
    for part in alone:
        part.reset()
    (first, _), (second, _) = mixed.env_method("reset", indices=[4, 1])
    np.testing.assert_array_equal(first, alone[1].env_method("reset", indices=2)[0][0])
    np.testing.assert_array_equal(second[:3], alone[0].env_method("reset", indices=1)[0][0])
    assert (second[3:] == 0).all()
    seen, *_ = mixed.step(np.zeros(5, int))
    np.testing.assert_array_equal(seen[2:], alone[1].step(np.zeros(3, int))[0])
    np.testing.assert_array_equal(seen[:2, :3], alone[0].step(np.zeros(2, int))[0])
    labels = [scenario.label for scenario in mixed.get_attr("scenario", indices=[3, 0])]
    assert labels == ["large", "slack"]
    assert [len(mask) for mask in mixed.env_method("action_masks", indices=[0, 4])] == [3, 5]


@pytest.mark.slow
def test_a_run_on_a_mix_trains_and_plays_each_of_its_scenarios(tmp_path):
    config = TrainConfig.preset(
        "regret",
        scenario="slack",
        scenarios=("slack", "large"),
        num_envs=4,
        updates_at_once=4,
        episodes=40,
        heldout_slots=5,
    )
    result = train(config, tmp_path / "run", progress=False)
    assert result.policy(result.heldout).shape == (5, 9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"network": "mlp", "observation": "paper"}, "scenarios: only network 'servers'"),
        ({"mask": False}, "scenarios: only network 'servers' with mask"),
        ({"num_envs": 9, "updates_at_once": 9}, "num_envs: 9 copies cannot be shared out"),
        ({"scenario": "online"}, "scenarios: they must all have the lookahead"),
    ],
)
def test_a_mix_that_cannot_be_trained_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig.preset("regret", scenarios=("slack", "large"), **fields)
