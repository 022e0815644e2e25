"""What the tests of training runs share."""

import pytest
from interrupted import CONFIGS

from mec_gym.sb3.run.training import train


class Whole(dict):
    """The directories of the runs that were never stopped, by the name in CONFIGS."""

    def __init__(self, factory):
        super().__init__()
        self._factory = factory

    def __missing__(self, name):
        directory = self._factory.mktemp("whole") / "run"
        train(CONFIGS[name], directory, progress=False)
        self[name] = directory
        return directory


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """See `Whole`: each is trained where a test first asks for it."""
    return Whole(tmp_path_factory)
