"""What the tests of training runs share."""

import pytest
from interrupted import CONFIGS

from mec_gym.sb3.run.training import train


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The directories of the runs that were never stopped, by the name in CONFIGS."""
    directories = {name: tmp_path_factory.mktemp("whole") / "run" for name in CONFIGS}
    for name, config in CONFIGS.items():
        train(config, directories[name], progress=False)
    return directories
