"""An exported policy values and chooses in onnxruntime as it does here and in torch."""

import hashlib
import itertools
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import mec_gym
from mec_gym import Scenario
from mec_gym.commands import shell
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies import onnx as exporting
from mec_gym.policies import trained
from mec_gym.policies.trained import TrainedPolicy

onnxruntime = pytest.importorskip("onnxruntime")

SIZES = {
    "paper-varied": {},
    "slack": {},
    "large": {},
    "slack, one server": {"num_servers": 1, "num_devices": 4},
    "slack, many": {"num_devices": 30, "num_servers": 12},
}


def table_i(seed=0):
    scenario = Scenario.preset("slack")
    rng = np.random.default_rng(seed)
    sizes = [48, 128, 64, 3]
    layers = tuple(
        (
            rng.normal(0, before**-0.5, (after, before)).astype(np.float32),
            rng.normal(0, 0.1, after).astype(np.float32),
        )
        for before, after in itertools.pairwise(sizes)
    )
    return TrainedPolicy(scenario, "paper", layers, {})


def session(policy, tmp_path):
    path = tmp_path / "policy.onnx"
    exporting.export(policy, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def seen(scenario, observation, slots=40, seed=0):
    """What the environment shows over whole slots, some with full servers."""
    env = gym.make_vec(
        "mec_gym:MEC-Offload-v0", num_envs=slots, scenario=scenario, observation=observation
    )
    rng, shown = np.random.default_rng(seed), []
    current, info = env.reset(seed=seed)
    for _ in range(scenario.num_devices):
        shown.append(current)
        keys = np.where(info["action_mask"], rng.random(info["action_mask"].shape), -1)
        current, *_, info = env.step(keys.argmax(axis=1))
    return np.concatenate(shown)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["regret-mix", "regret-online"])
def test_a_network_that_scores_servers_does_the_same_at_any_size(name, size, tmp_path):
    policy = mec_gym.load_policy(name)
    scenario = Scenario.preset(size.split(",")[0], **SIZES[size])
    observations = seen(scenario, "servers")
    q_values, server = session(policy, tmp_path).run(None, {"observation": observations})
    expected = policy.q_values(observations)
    np.testing.assert_allclose(q_values, expected, atol=1e-5)
    free = OBSERVATIONS["servers"](scenario).free(observations)
    assert np.take_along_axis(free, server[:, None], axis=1).all()
    best = np.where(free, expected, -np.inf)
    chosen = np.take_along_axis(best, server[:, None], axis=1)[:, 0]
    assert (chosen >= best.max(axis=1) - 1e-5).all()


def test_table_is_network_does_the_same_as_here_and_in_torch(tmp_path):
    torch = pytest.importorskip("torch")
    policy = table_i()
    observations = seen(policy.scenario, "paper", slots=200)
    q_values, server = session(policy, tmp_path).run(None, {"observation": observations})
    layers = []
    for weight, bias in policy.weights:
        linear = torch.nn.Linear(*weight.shape[::-1])
        linear.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
        layers += [linear, torch.nn.ReLU()]
    with torch.no_grad():
        in_torch = torch.nn.Sequential(*layers[:-1])(torch.from_numpy(observations)).numpy()
    np.testing.assert_allclose(q_values, in_torch, atol=1e-5)
    np.testing.assert_allclose(q_values, policy.q_values(observations), atol=1e-5)
    assert (server == q_values.argmax(axis=1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["table i", "regret-online"])
def test_slots_played_by_the_model_are_assigned_as_the_policy_does(which, tmp_path):
    policy = table_i() if which == "table i" else mec_gym.load_policy(which)
    scenario = Scenario.preset("slack", lookahead=policy.scenario.lookahead)
    running, slots = session(policy, tmp_path), scenario.sample(10, 3)
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=scenario, observation=policy.observation)
    expected = policy(slots)
    for row, slot in enumerate(slots):
        observation, _ = env.reset(options={"instance": slot})
        done = False
        while not done:
            _, server = running.run(None, {"observation": observation[None]})
            observation, _, done, _, info = env.step(int(server[0]))
        assert info["assignment"].tolist() == expected[row].tolist()


def test_the_model_says_what_it_is(tmp_path):
    policy = mec_gym.load_policy("regret-mix")
    said = session(policy, tmp_path).get_modelmeta().custom_metadata_map
    assert said["observation"] == "servers"
    assert Scenario.model_validate_json(said["scenario"]) == policy.scenario
    assert said["mec_gym"] == mec_gym.__version__
    weights = Path(trained.__file__).with_name("data") / "regret-mix" / trained.WEIGHTS_FILE
    assert said["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_the_command_writes_the_file_and_says_so(tmp_path, capsys):
    assert shell.main("export", ["regret-mix", str(tmp_path / "out.onnx")]) == 0
    assert "it takes observation 'servers'" in capsys.readouterr().out
    assert (tmp_path / "out.onnx").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("model", "file", "message"),
    [
        ("no-such-run", "out.onnx", "not a run directory"),
        ("regret-mix", "missing/out.onnx", "file: there is no directory"),
        ("regret-mix", "out.pt", "file: no '.pt'; there are: .onnx, .zip"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(model, file, message, tmp_path, capsys):
    assert shell.main("export", [model, str(tmp_path / file)]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_error_says_what_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ValueError, match=r'pip install "mec-gym\[onnx\]"'):
        exporting.export(mec_gym.load_policy("regret-mix"), tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())
