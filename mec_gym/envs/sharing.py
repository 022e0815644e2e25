"""Loops over the copies of a batch, shared out among threads where that pays."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.envs.stock import Stock

IntArray = NDArray[np.int64]

_WORTH_THREADS = 1e-4
"""Copies are played by several threads where they take one so many seconds."""


class Sharing:
    """Calls loops for copies, in parts by several threads where they take one long enough.

    Args:
        num_threads: among so many, the caller's among them.
        num_envs: how many copies there are.
        stock: whose other threads do it.
    """

    def __init__(self, num_threads: int, num_envs: int, stock: Stock) -> None:
        self._threads, self._num_envs, self._stock = num_threads, num_envs, stock
        self._seconds_a_copy = 0.0  # 0: not yet known

    def call(self, loop: Callable[[IntArray], Any], copies: IntArray) -> list[Any]:
        """Return what a loop returns for some copies, or for parts of them."""
        if self._threads == 1:
            return [loop(copies)]
        if self._seconds_a_copy * len(copies) <= _WORTH_THREADS:
            start = time.perf_counter()
            done = [loop(copies)]
            if len(copies) == self._num_envs:
                seconds = (time.perf_counter() - start) / len(copies)
                self._seconds_a_copy = min(self._seconds_a_copy or seconds, seconds)
            return done
        first, *parts = np.array_split(copies, self._threads)
        others = [self._stock.pool.submit(loop, part) for part in parts]
        done = [loop(first)]
        for other, part in zip(others, parts, strict=True):
            # Where it has not begun, that thread is drawing.
            done.append(loop(part) if other.cancel() else other.result())
        return done
