"""What the paper states, in itself and beside the preset."""

from evaluate.paper import stated
from evaluate.paper.stated import DQN_RAO
from mec_gym.sb3.run.config import TrainConfig


def test_the_stated_margins_are_those_of_the_stated_values():
    at_5ghz = {name: at[5] for name, at in stated.FIGURE_4.items()}
    for other, margin in stated.MARGINS.items():
        assert 0 < 1 - at_5ghz[DQN_RAO] / at_5ghz[other] - margin < 0.01


def test_the_trained_policys_name_is_that_of_the_preset():
    assert TrainConfig.preset("paper").name == stated.DQN_RAO
