"""The device that updates run on: refused where it is not there, judged where it is."""

import pytest
import torch

from mec_gym.sb3.agent.accelerator import Accelerator
from mec_gym.sb3.run import device
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn, train


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is there")
def test_a_device_that_is_not_there_is_refused_in_one_line_before_anything_is_made(tmp_path):
    config = TrainConfig(episodes=20, device="cuda")  # its file can be read all the same
    assert TrainConfig.preset("regret").device == "cpu"
    with pytest.raises(
        ValueError, match=r"^device: 'cuda' is not there: .*; set device cpu"
    ) as said:
        train(config, tmp_path / "run", progress=False)
    assert "\n" not in str(said.value)
    assert not (tmp_path / "run").exists()


def test_another_device_is_no_field():
    with pytest.raises(ValueError, match="device: "):
        TrainConfig(device="tpu")


@pytest.mark.parametrize(("faster", "words"), [(True, ": it pays"), (False, "it does not pay; ")])
def test_the_verdict_is_that_of_the_update_times_measured(monkeypatch, faster, words):
    took = {"cuda": 0.002, "cpu": 0.004 if faster else 0.001}
    monkeypatch.setattr(device, "seconds", lambda model, updates, batch_size: took[model])
    config = TrainConfig(device="cuda", batch_size=512, updates_at_once=8)
    line = device.verdict(config, lambda each: each.device)
    assert words in line
    assert "512 transitions, 8 at once, takes 2 ms on cuda" in line


def test_an_update_is_timed_on_both_paths():
    model = make_dqn(TrainConfig.preset("regret", episodes=20))
    assert 0 < device.seconds(model, 2, 16) < 5
    model._accelerator = Accelerator(model.q_net.q_net, torch.device("cpu"))
    assert 0 < device.seconds(model, 2, 16) < 5
