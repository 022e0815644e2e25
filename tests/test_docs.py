"""The commands of docs/learning.md run, for a few episodes, or say what its tables measured."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import tyro

from benchmarks.learning import ablation
from mec_gym.commands.train import Arguments
from mec_gym.sb3.run.config import TrainConfig

TEXT = (Path(__file__).parents[1] / "docs" / "learning.md").read_text(encoding="utf-8")
COMMANDS = [
    line for code in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in code.splitlines()
]
SHORT = ["--episodes", "60", "--epsilon-episodes", "30", "--heldout-slots", "10"]


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_each_training_command_runs(line, tmp_path):
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "train"]
    done = subprocess.run(
        [sys.executable, *words[1:], *SHORT, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "regret" in done.stdout
    assert (tmp_path / "run" / "policy.safetensors").exists()


@pytest.mark.parametrize("name", ablation.ROWS)
def test_each_row_of_the_ablation_is_made_by_the_command_beside_it(name):
    command = ablation.command(name)
    assert f"| {name} | `{command}` |" in TEXT
    preset, changes = ablation.ROWS[name]
    _, _, _, source, *flags = shlex.split(command)
    given = tyro.cli(Arguments, default=Arguments(TrainConfig.preset(source)), args=flags).config
    assert given == TrainConfig.preset(preset, **changes | {"scenario": ablation.SCENARIO})
