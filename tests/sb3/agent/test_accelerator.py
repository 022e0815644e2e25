"""Updates on a device against those compiled for the CPU; here the device is the CPU as well."""

import numpy as np
import pytest
import torch

from mec_gym.sb3.agent.accelerator import Accelerator
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn


def trained(elsewhere, **changes):
    config = TrainConfig.preset("regret", hidden=(12, 8), episodes=40, **changes)
    model = make_dqn(config)
    model.policy.optimizer.param_groups[0]["eps"] = 1e-4  # else rounding is divided by rounding
    model.learn(200)
    with torch.no_grad():
        model.flat_target.values += 0.1 * torch.sin(torch.arange(len(model.flat_target.values)))
    if elsewhere:
        model._accelerator = Accelerator(model.q_net.q_net, torch.device("cpu"))
    np.random.seed(0)  # noqa: NPY002  # the buffer draws from it
    model.logger.name_to_value.clear()
    for _ in range(4):
        model.train(16, 32)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"double": False, "loss": "squared", "max_grad_norm": 0.01},
        {"mask": False, "gamma": 0.9},
        {"network": "mlp", "mask": False},
    ],
    ids=["preset", "clipped", "no mask", "mlp"],
)
def test_updates_elsewhere_are_those_on_the_cpu(changes):
    here, there = (trained(elsewhere, **changes) for elsewhere in (False, True))
    torch.testing.assert_close(
        there.flat.values.detach(), here.flat.values.detach(), rtol=1e-4, atol=2e-6
    )
    for name in ("train/loss", "train/q_value"):
        shown = [model.logger.name_to_value[name] for model in (here, there)]
        assert shown[0] == pytest.approx(shown[1], rel=1e-3, abs=1e-6)
    kept = [model.policy.optimizer.state[model.flat.values] for model in (here, there)]
    assert kept[0]["step"] == kept[1]["step"]
    torch.testing.assert_close(kept[0]["exp_avg"], kept[1]["exp_avg"], rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_the_layers_go_to_the_device_and_the_parameters_stay():
    model = make_dqn(TrainConfig.preset("regret", episodes=20))
    there = Accelerator(model.q_net.q_net, torch.device("meta"))
    assert {each.device.type for each in there._layers.parameters()} == {"meta"}
    assert {each.device.type for each in model.q_net.parameters()} == {"cpu"}
    assert not there._read(model.flat.values.to("meta"), torch.empty((7, 57), device="meta")).is_cpu
