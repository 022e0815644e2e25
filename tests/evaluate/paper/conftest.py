"""What the tests of the reproduction share."""

import pytest
from made_up import made_up_results

from evaluate.paper.readings import read_all
from evaluate.paper.stated import DQN_RAO


@pytest.fixture(scope="session")
def readings():
    """Every reading of what the paper leaves open, on ten slots."""
    return read_all(10, 0)


@pytest.fixture(scope="session")
def as_stated(readings):
    """Results whose delays are those that the paper states."""
    return made_up_results(
        readings,
        {DQN_RAO: (0.60, 0.42), "goa": (0.70, 0.50), "roa": (0.85, 0.60)},
        {DQN_RAO: (0.44, 0.54), "goa": (0.50, 0.61), "roa": (0.55, 0.78)},
    )
