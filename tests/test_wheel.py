"""The wheel works in an empty environment, away from the repository."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

USE_IT = """
import sys
import gymnasium as gym
env = gym.make("mec_gym:MEC-Offload-v0", render_mode="ansi")
_, info = env.reset(seed=0)
done = False
while not done:
    _, _, done, _, info = env.step(info["action_mask"].argmax())
assert info["feasible"], info
assert "9" in env.render()
import mec_gym
from mec_gym.benchmark import frozen
assert frozen.load("paper").reference.proven.all()
slots = mec_gym.Scenario.preset("paper").sample(3, 0)
assert mec_gym.is_feasible(slots, mec_gym.policies.get("local-search")(slots, 0)).all()
assert "site-packages" in mec_gym.__file__, mec_gym.__file__
heavy = {"torch", "stable_baselines3", "matplotlib", "tensorboard", "train", "evaluate"}
assert not heavy & sys.modules.keys()
"""


@pytest.mark.slow
def test_the_wheel_alone_gives_environment_policies_and_benchmarks(tmp_path):
    # Without the repository on the path, and whatever this run's environment adds to it.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    source = tmp_path / "source"  # a copy, since building leaves files behind
    for part in ("mec_gym", "docs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, source / part, ignore=ignored)
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, source)
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    constraints = ROOT / ".ci" / "constraints.txt"
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    install += ["--constraint", constraints, wheel]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path, env=clean)
    used = subprocess.run(
        [python, "-c", USE_IT], cwd=tmp_path, env=clean, capture_output=True, text=True
    )
    assert used.returncode == 0, used.stderr
    script = tmp_path / "empty" / "bin" / "mec-gym"
    told = subprocess.run([script], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert all(name in told.stdout for name in ("train", "evaluate", "export", "verify"))
    lacking = [script, "train", "paper"]
    refused = subprocess.run(lacking, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert refused.returncode == 2
    assert refused.stderr == 'error: mec-gym train needs tyro; pip install "mec-gym[train]"\n'
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, env=clean
    )
    assert "torch" not in listed.stdout
