"""Objects that are asked all at once; as actors of Ray see tests/solvers/test_regions.py."""

import pytest

from mec_gym.jobs.holders import Here, OnActors


class Counter:
    def __init__(self, start):
        self.value = start

    def add(self, number):
        self.value += number
        return self.value


def test_each_keeps_its_own_and_answers_in_order():
    held = Here(Counter, [(1,), (10,)])
    assert held.ask("add", [(1,), (2,)]) == [2, 12]
    assert held.ask_one(1, "add", 5) == 17
    assert held.ask("add", [(0,), (0,)]) == [2, 17]


def test_arguments_for_fewer_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        Here(Counter, [(1,), (10,)]).ask("add", [(1,)])


def test_actors_want_a_cluster():
    pytest.importorskip("ray", reason="ray is not installed: there is none for this Python")
    with pytest.raises(ValueError, match=r"ray: no cluster is connected; call ray\.init first"):
        OnActors(Counter, [(1,)])
