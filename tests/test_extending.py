"""docs/extending.md runs as it stands, and what a user's own file defines is as good as ours."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import onnxruntime
import pytest
from interrupted import WEIGHTS, curves, stopped

import mec_gym
from mec_gym import observations, rewards
from mec_gym.mdp import State
from mec_gym.policies import onnx
from mec_gym.policies.trained import load_policy, save_policy
from mec_gym.sb3.agent import export
from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn, snapshot, train

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
OWN_FILE = "\n".join(code for code in PYTHON if code.startswith("# mine.py"))
EXAMPLES = [code for code in PYTHON if not code.startswith("# mine.py")]
COMMANDS = [
    line
    for code in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for line in code.replace("\\\n", "").splitlines()
]
SHORT = {"episodes": 60, "epsilon_episodes": 30, "heldout_slots": 10, "num_envs": 16}


@pytest.fixture(scope="module")
def own_place(tmp_path_factory):
    """A directory with the user's file `mine.py`, outside the package."""
    place = tmp_path_factory.mktemp("own")
    (place / "mine.py").write_text(OWN_FILE, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def mine(own_place):
    """The user's file as a module, imported as a user does."""
    sys.path.insert(0, str(own_place))
    yield importlib.import_module("mine")
    sys.path.remove(str(own_place))
    del sys.modules["mine"]


@pytest.fixture
def config(mine):
    """A short training with the user's own scenario, observation, reward and loss."""
    return TrainConfig.preset(
        "regret",
        name="mine",
        scenario=mine.SITE,
        observation=mine.Queues,
        reward=mine.long_delays_count_more,
        loss=mine.log_cosh,
        **SHORT,
    )


def python(*words, cwd):
    root = Path(mec_gym.__file__).parents[1]
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={"PYTHONPATH": str(root), "PATH": "", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_each_example_and_each_command_of_the_document_runs_in_its_order(own_place):
    assert len(EXAMPLES) >= 2
    for code in EXAMPLES:
        done = python("-W", "error", "-c", code, cwd=own_place)
        assert done.returncode == 0, done.stderr
        assert "False" not in done.stdout
        assert done.stdout
    assert len(COMMANDS) >= 3
    for line in COMMANDS:
        words = shlex.split(line)
        assert words[0] == "mec-gym"
        done = python("-m", "mec_gym", *words[1:], cwd=own_place)
        assert done.returncode == 0, done.stderr
        assert "mine" in done.stdout


def test_every_table_of_entries_it_names_exists():
    tables = re.findall(r"\| `(mec_gym[\w.]+)\.(\w+)` \|$", TEXT, re.MULTILINE)
    assert len(tables) == 10
    for module, table in tables:
        assert isinstance(getattr(importlib.import_module(module), table), dict)


@pytest.mark.slow
def test_own_batch_is_bit_for_bit_its_own_single_environments(mine):
    settings = {
        "scenario": mine.SITE,
        "observation": mine.Queues,
        "reward": mine.long_delays_count_more,
    }
    batch = gym.make_vec("MEC-Offload-v0", num_envs=3, **settings)
    singles = [gym.make("MEC-Offload-v0", **settings) for _ in range(3)]
    seen, _ = batch.reset(seed=5)
    alone = [env.reset(seed=5 + copy)[0] for copy, env in enumerate(singles)]
    np.testing.assert_array_equal(seen, alone)
    for choice in np.random.default_rng(0).integers(0, 3, (8, 3)):
        seen, reward, ended, _, info = batch.step(choice)
        steps = [env.step(server) for env, server in zip(singles, choice, strict=True)]
        assert reward.tolist() == [step[1] for step in steps]
        last = list(info["final_obs"]) if ended.all() else seen
        np.testing.assert_array_equal(last, [step[0] for step in steps])
    assert ended.all()


def test_own_names_stand_in_the_configuration_which_a_file_gives_back(config, tmp_path):
    assert (config.observation, config.reward, config.loss) == (
        "mine:Queues",
        "mine:long_delays_count_more",
        "mine:log_cosh",
    )
    assert config.scenario.channel.kind == "mine:BlockedChannel"
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert TrainConfig.from_toml(tmp_path / "config.toml") == config


@pytest.mark.slow
def test_a_trained_policy_of_an_own_observation_chooses_by_its_own_q_values(config, mine, tmp_path):
    """A second observation with a row a server was once played as if it saw `servers`."""
    train(config, tmp_path / "run", progress=False)
    policy = load_policy(tmp_path / "run")
    assert policy.observation == "mine:Queues"
    assert policy.scores_servers
    slots = mine.SITE.sample(50, 3)
    assignment, state = policy(slots), State(slots)
    observer = observations.make(mine.Queues, mine.SITE)
    for device in range(8):
        q_values = np.where(state.free, policy.q_values(observer.begin(state)), -np.inf)
        np.testing.assert_array_equal(q_values.argmax(axis=1), assignment[:, device])
        state.assign(assignment[:, device])
    assert (mec_gym.system.server_loads(slots, assignment) <= 4).all()


def test_exported_files_read_a_free_server_where_the_observation_shows_it(config, tmp_path):
    policy = snapshot(make_dqn(config), config)
    seen = observations.make(config.observation, config.scenario).begin(
        State(config.scenario.sample(40, 2))
    )
    seen[:, 1, 2] = 0  # as if full
    expected = policy.q_values(seen)
    onnx.export(policy, tmp_path / "policy.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "policy.onnx"))
    q_values, server = session.run(None, {"observation": seen})
    np.testing.assert_allclose(q_values[:, [0, 2]], expected[:, [0, 2]], rtol=1e-4, atol=1e-5)
    assert (server != 1).all()
    assert (server == np.where(q_values[:, 0] > q_values[:, 2], 0, 2)).all()
    export.export(policy, tmp_path / "policy.zip")
    model = LossDQN.load(tmp_path / "policy.zip")
    np.testing.assert_array_equal(model.predict(seen, deterministic=True)[0], server)


@pytest.mark.slow
def test_a_stopped_training_with_own_parts_is_resumed_to_the_same_bytes(
    config, tmp_path, monkeypatch
):
    train(config, tmp_path / "whole", progress=False)
    run = stopped(config, tmp_path / "run", monkeypatch, 12)
    train(config, run, progress=False, resume=True)
    assert (run / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert curves(run) == curves(tmp_path / "whole")


def test_a_file_that_names_an_own_thing_imports_nothing(config, own_place, tmp_path):
    save_policy(snapshot(make_dqn(config), config), tmp_path)
    (tmp_path / "config.toml").write_text(config.to_toml())
    (tmp_path / "site.toml").write_text(config.scenario.to_toml())
    read = (
        "import sys, mec_gym\nfrom mec_gym.sb3.run.config import TrainConfig\n"
        f"sys.path.insert(0, {str(own_place)!r})\n"
        f"for read, path in ((mec_gym.load_policy, {str(tmp_path)!r}),"
        f" (TrainConfig.from_toml, {str(tmp_path / 'config.toml')!r}),"
        f" (mec_gym.Scenario.from_toml, {str(tmp_path / 'site.toml')!r})):\n"
        "    try:\n        read(path)\n    except ValueError as error:\n        print(error)\n"
        "    assert 'mine' not in sys.modules\n"
        "import mine\n"
        f"print(mec_gym.load_policy({str(tmp_path)!r}).observation)\n"
    )
    done = python("-c", read, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *refused, observation = done.stdout.splitlines()
    assert len(refused) == 3
    assert all("files import nothing; import mine yourself first" in line for line in refused)
    assert observation == "mine:Queues"


def test_a_file_does_not_have_a_part_of_python_called(tmp_path):
    (tmp_path / "config.toml").write_text('reward = "shutil:rmtree"\n')
    with pytest.raises(ValueError, match=r"reward: a file names 'shutil:rmtree', which is a part"):
        TrainConfig.from_toml(tmp_path / "config.toml")


def test_a_new_reward_is_one_entry_for_single_and_batch(mine, monkeypatch):
    """A second place to name it once ended `gym.make_vec` in an error of the compiler."""
    monkeypatch.setitem(rewards.REWARDS, "squared", mine.long_delays_count_more)
    single = gym.make("MEC-Offload-v0", reward="squared")
    batch = gym.make_vec("MEC-Offload-v0", num_envs=1, reward="squared")
    single.reset(seed=0)
    batch.reset(seed=0)
    assert single.step(1)[1] == batch.step(np.array([1]))[1][0]


def test_a_new_observation_is_one_entry_for_single_batch_and_training(mine, monkeypatch):
    monkeypatch.setitem(observations.OBSERVATIONS, "queues", mine.Queues)
    single = gym.make("MEC-Offload-v0", observation="queues")
    batch = gym.make_vec("MEC-Offload-v0", num_envs=1, observation="queues")
    np.testing.assert_array_equal(single.reset(seed=0)[0], batch.reset(seed=0)[0][0])
    config = TrainConfig.preset("regret", observation="queues", **SHORT)
    slots, policy = config.scenario.sample(5, 0), snapshot(make_dqn(config), config)
    assert mec_gym.is_feasible(slots, policy(slots)).all()
