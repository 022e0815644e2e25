"""Adam in one call against PyTorch's own."""

import subprocess
import sys

import pytest
import torch

from mec_gym.sb3.agent.optimizer import Adam


def stepped(kind, **settings):
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(37))
    optimizer = kind([parameter], fused=True, **settings)
    for step in range(60):
        parameter.grad = torch.randn(37) * 10.0 ** (step % 9 - 6)
        optimizer.param_groups[0]["lr"] = 1e-2 / (1 + step)
        optimizer.step()
    return parameter, optimizer


@pytest.mark.parametrize(
    "settings", [{}, {"weight_decay": 0.1, "eps": 1e-3, "betas": (0.8, 0.9)}, {"amsgrad": True}]
)
def test_its_steps_are_pytorchs_bit_for_bit(settings):
    (ours, adam), (theirs, own) = (stepped(kind, **settings) for kind in (Adam, torch.optim.Adam))
    assert torch.equal(ours, theirs)
    kept, expected = adam.state_dict()["state"][0], own.state_dict()["state"][0]
    assert kept.keys() == expected.keys()
    assert all(torch.equal(kept[name], expected[name]) for name in kept)


def test_its_state_goes_into_pytorchs_and_back():
    parameter, adam = stepped(Adam)
    other = torch.optim.Adam([parameter], fused=True)
    other.load_state_dict(adam.state_dict())
    again = Adam([parameter], fused=True)
    again.load_state_dict(other.state_dict())
    assert torch.equal(again.state[parameter]["exp_avg_sq"], adam.state[parameter]["exp_avg_sq"])


@pytest.mark.slow
def test_making_a_dqn_does_not_import_pytorchs_compiler():
    said = (
        "import sys; from mec_gym.sb3.run.config import TrainConfig;"
        "from mec_gym.sb3.run.training import make_dqn;"
        "make_dqn(TrainConfig(batch_size=16, episodes=10)).learn(20);"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
