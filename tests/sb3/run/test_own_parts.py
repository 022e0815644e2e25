"""A run goes on only with the parts of a user's own that it began with."""

import importlib
import json

import pytest
from interrupted import CONFIGS, stopped

from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.own_parts import own_parts
from mec_gym.sb3.run.training import train

OWN = """
from mec_gym import equations
from mec_gym.channels import UniformChannel
from mec_gym.kernels import kernel
from mec_gym.observations import SIObservation
from {helper} import WEIGHT

@kernel
def slower(slot, device, server):
    return -WEIGHT * slot.tx_delay[device][server]

class Seen(SIObservation):
    pass

class Channel(UniformChannel):
    def draw(self, unit, num_devices, num_servers):
        return super().draw(unit, num_devices, num_servers)
"""


@pytest.fixture
def own(tmp_path, monkeypatch, request):
    """A user's module and one that it imports, with names of this test alone."""
    monkeypatch.syspath_prepend(tmp_path)
    name = request.node.name
    write(tmp_path, f"{name}_helper", "WEIGHT = 2.0\n")
    write(tmp_path, name, OWN.format(helper=f"{name}_helper"))
    return importlib.import_module(name)


def write(directory, name, text):
    (directory / f"{name}.py").write_text(text)


def edit(module, before, after):
    """Change a module's file and load it anew, as a new process does."""
    with open(module.__file__, encoding="utf-8") as file:
        text = file.read()
    assert before in text
    with open(module.__file__, "w", encoding="utf-8") as file:
        file.write(text.replace(before, after))
    importlib.invalidate_caches()
    importlib.reload(module)


def config(own, **more):
    return CONFIGS["paper"].replace(reward=f"{own.__name__}:slower", **more)


@pytest.mark.slow
def test_a_run_of_parts_of_ours_says_nothing_of_any(tmp_path, monkeypatch):
    assert own_parts(TrainConfig()) == {}
    run = stopped(CONFIGS["paper"], tmp_path / "run", monkeypatch, 5)
    assert json.loads((run / "manifest.json").read_text()).keys() == {
        "format",
        "files",
        "finished",
        "sha256_of_this",
    }


def test_each_part_of_a_users_own_is_named(own):
    name = own.__name__
    settings = config(
        own, observation=f"{name}:Seen", scenario={"channel": {"kind": f"{name}:Channel"}}
    )
    assert own_parts(settings).keys() == {
        f"channel {name}:Channel",
        f"observation {name}:Seen",
        f"reward {name}:slower",
    }


@pytest.mark.slow
def test_a_part_that_was_edited_is_named_and_one_that_is_as_it_was_goes_on(
    own, tmp_path, monkeypatch
):
    settings = config(own)
    run = stopped(settings, tmp_path / "run", monkeypatch, 5)
    edit(own, "-WEIGHT", "-3 * WEIGHT")
    with pytest.raises(
        ValueError, match=rf"resume: .* another reward {own.__name__}:slower, whose"
    ):
        train(settings, run, progress=False, resume=True)
    edit(own, "-3 * WEIGHT", "-WEIGHT")
    assert not train(settings, run, progress=False, resume=True).interrupted


@pytest.mark.slow
def test_a_constant_of_another_module_is_noticed_and_the_remedy_goes_on(own, tmp_path, monkeypatch):
    settings = config(own)
    run = stopped(settings, tmp_path / "run", monkeypatch, 5)
    edit(importlib.import_module(f"{own.__name__}_helper"), "2.0", "4.25")
    edit(own, "", "")
    with pytest.raises(ValueError, match=r"remove .*manifest.json to go on with the new one"):
        train(settings, run, progress=False, resume=True)
    (run / "manifest.json").unlink()
    assert not train(settings, run, progress=False, resume=True).interrupted
    assert "own_parts" in json.loads((run / "manifest.json").read_text())
