"""What compiled loops are made with: arrays that are lent, and numbers that index them."""

import pickle
import sys
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import pytest

from mec_gym.compiling import Settled, borrowed, emptied, index, loop


class Kept(NamedTuple):
    rows: np.ndarray
    more: tuple
    scale: float


def kept():
    return Kept(np.arange(6.0).reshape(2, 3), (np.array([10.0, 20.0]), True), 0.5)


@loop
def summed(kept, copies):
    kept = borrowed(kept)
    total = 0.0
    for copy in copies:
        row = kept.rows[index(copy)]
        total += kept.scale * row.sum() + kept.more[0][index(copy)] * kept.more[1]
        row[0] = -1.0
    return total


def test_a_tuple_is_lent_with_all_arrays_in_it_and_its_numbers_stay():
    given = kept()
    assert summed(given, np.array([0, 1, 1])) == 0.5 * (3 + 12 + 8) + 50
    assert given.rows[:, 0].tolist() == [-1, -1]


def test_lent_arrays_are_held_by_the_caller_alone():
    given = kept()
    held = given.rows

    before = sys.getrefcount(held)
    for _ in range(10):
        summed(given, np.array([0, 1]))
    assert sys.getrefcount(held) == before


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**32 - 1])
def test_an_index_is_the_number_itself(number):
    @loop
    def indexed(number):
        return index(number)

    assert indexed(number) == number


@loop
def lengths(one, two):
    one, two = emptied(one), emptied(two)
    return len(one), two.shape[0], two.shape[1], one.size


def test_of_an_emptied_array_nothing_is_left():
    assert lengths(np.arange(3.0), np.ones((2, 4), bool)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "duplicate", [lambda same: same, deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_settled_loop_is_called_with_the_types_of_its_first_call(duplicate):
    settled = Settled(summed)
    assert settled(kept(), np.array([0])) == summed(kept(), np.array([0]))
    again = duplicate(settled)
    for copies in ([0, 1, 1], [1]):
        assert again(kept(), np.array(copies)) == summed(kept(), np.array(copies))
