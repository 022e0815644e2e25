"""What the tests of the environment share."""

import pytest

from mec_gym.envs.offload import OffloadEnv


@pytest.fixture
def env():
    """The environment of the preset `paper`, closed at the end."""
    made = OffloadEnv()
    yield made
    made.close()
