"""The compiled generators are NumPy's own, number for number."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mec_gym.envs import pcg64


@given(st.lists(st.integers(0, 2**64), min_size=1, max_size=5), st.integers(0, 30))
def test_the_loop_draws_numpys_numbers_and_leaves_numpys_state(seeds, count):
    theirs = [np.random.default_rng(seed) for seed in seeds]
    states = np.array([pcg64.packed(generator) for generator in theirs], dtype=np.uint64)
    unit = np.empty((len(seeds), count))
    pcg64.uniforms()(states, np.arange(len(seeds)), unit)
    np.testing.assert_array_equal(unit, [generator.random(count) for generator in theirs])
    for state, generator in zip(states, theirs, strict=True):
        assert pcg64.unpacked(state).bit_generator.state == generator.bit_generator.state


def test_only_the_copies_that_are_named_draw():
    theirs = [np.random.default_rng(seed) for seed in range(4)]
    states = np.array([pcg64.packed(generator) for generator in theirs], dtype=np.uint64)
    unit, before = np.empty((2, 7)), states.copy()
    pcg64.uniforms()(states, np.array([3, 1]), unit)
    np.testing.assert_array_equal(unit, [theirs[3].random(7), theirs[1].random(7)])
    np.testing.assert_array_equal(states[[0, 2]], before[[0, 2]])


@given(st.integers(0, 2**64), st.integers(0, 2**40))
def test_numbers_are_left_out_as_numpy_leaves_them_out(seed, count):
    theirs = [np.random.default_rng(seed), np.random.default_rng(1)]
    states = np.array([pcg64.packed(generator) for generator in theirs], dtype=np.uint64)
    pcg64.skip()(states, np.array([0]), pcg64.leap(count))
    theirs[0].bit_generator.advance(count)
    for state, generator in zip(states, theirs, strict=True):
        assert pcg64.unpacked(state).bit_generator.state == generator.bit_generator.state
