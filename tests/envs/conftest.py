"""What the tests of the environment share."""

import numba
import pytest

from mec_gym.compiling import Settled
from mec_gym.envs.offload import OffloadEnv


@pytest.fixture
def env():
    """The environment of the preset `paper`, closed at the end."""
    made = OffloadEnv()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def arguments_of_settled_loops_keep_their_types(monkeypatch):
    """Loops that look at the types of their arguments only once would take others for these."""
    plain = Settled.__call__

    def call(self, *args):
        types = tuple(map(numba.typeof, args))
        assert vars(self).setdefault("types", types) == types
        return plain(self, *args)

    monkeypatch.setattr(Settled, "__call__", call)
