"""Compiled loops are kept on disk, and never outlive a formula."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mec_gym
from mec_gym import action_loops, compiling, kernels, ranges, rewards
from mec_gym.envs import loops, option_loops
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies import scoring

PLAY = """
import json
import numpy as np
import mec_gym
from mec_gym import observations, rewards
from mec_gym.envs import loops, option_loops
from mec_gym.envs.vector import OffloadVectorEnv
env = OffloadVectorEnv(2)
env.reset(seed=0)
for _ in range(9):
    env.step(np.zeros(2, dtype=np.int64))
write = observations.OBSERVATIONS["paper"].write
loops = (
    loops.play_of(rewards.paper, write),
    loops.observe_of(write),
    loops.finish(),
)
counts = [[sum(x.values()) for x in (f.stats.cache_hits, f.stats.cache_misses)] for f in loops]
print(json.dumps([mec_gym.__file__, *counts]))
"""
"""Play a slot; print which package, then the loops read from disk and compiled, loop by loop."""


@pytest.mark.slow
def test_loops_are_compiled_once_and_again_when_a_formula_has_changed(tmp_path):
    package = tmp_path / "mec_gym"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(mec_gym.__file__).parent, package, ignore=ignored)
    fresh = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONPATH": str(tmp_path)}

    def play():
        command = [sys.executable, "-c", PLAY]
        done = subprocess.run(command, check=True, env=fresh, cwd=tmp_path, capture_output=True)
        played, *counts = json.loads(done.stdout)
        assert Path(played).parent == package
        return counts

    read, compiled = [1, 0], [0, 1]
    assert play() == [compiled] * 3
    assert play() == [read] * 3
    with (package / "equations.py").open("a") as file:
        file.write("# Equations as they are now.\n")
    assert play() == [compiled, read, compiled]  # Eq. (11) calls no equation


GIVEN = [*rewards.REWARDS.values(), *dict.fromkeys(entry.write for entry in OBSERVATIONS.values())]
LOOPS = [
    loops.play_of(rewards.paper, GIVEN[-1]),
    loops.observe_of(GIVEN[-1]),
    scoring.loop_of(GIVEN[-1]),
    loops.begin(),
    loops.finish(),
    option_loops.settle_of(ranges.between, ranges.share),
    option_loops.finish(),
    action_loops.composing(),
]
CALLED = [*(loop.py_func for loop in LOOPS), *dict.fromkeys([*GIVEN, *kernels.KERNELS])]


@pytest.mark.parametrize("function", CALLED, ids=lambda function: function.__qualname__)
def test_all_that_a_loop_takes_from_another_file_of_the_package_counts(function, monkeypatch):
    own, counted = inspect.getmodule(function), {each.__module__ for each in kernels.KERNELS}
    counted.add(compiling.__name__)  # by `loop`, with which each is made
    found = inspect.getclosurevars(function)
    taken = {}
    for name, value in found.globals.items():
        if not inspect.ismodule(value):
            taken[name] = value
        elif value.__name__.startswith("mec_gym."):
            taken |= {each: getattr(value, each) for each in found.unbound & vars(value).keys()}
    for name, value in taken.items():
        if hasattr(value, "py_func"):  # compiled by itself, which the digest sees: test_kernels
            continue
        if callable(value):
            known = {own.__name__, *counted}
            assert value.__module__ in known or follows(function, value.__module__, monkeypatch)
        elif f"\n{name} = " not in inspect.getsource(own):  # a number from elsewhere
            before = kernels.sources(function)
            with monkeypatch.context() as patch:
                patch.setitem(function.__globals__, name, value * 2)
                assert kernels.sources(function) != before


def follows(function, module, monkeypatch):
    """Whether the digest of a function is another one when a module is edited."""
    before, source = kernels.sources(function), kernels._source
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "_source", lambda name: "edited" if name == module else source(name))
        return kernels.sources(function) != before


@pytest.mark.parametrize("make", [loops.finish, option_loops.finish, action_loops.composing])
def test_how_loops_are_compiled_counts(make, monkeypatch):
    assert follows(make, compiling.__name__, monkeypatch)
