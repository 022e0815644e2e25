"""Pieces done by processes of this machine, one thread each."""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Self

from mec_gym.jobs.pieces import Outcome, Piece, do

MOST_STARTS = 4
"""A piece whose process was killed so often has failed: it may be what has it killed."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Processes:
    """Processes of this machine.

    Args:
        count: how many pieces are done at a time.

    Raises:
        ValueError: it is below 1.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"processes: {count}; give 1 or more")
        self.count = count

    @property
    def where(self) -> str:
        """What they are, for people."""
        return f"{self.count} processes here" if self.count > 1 else "1 process here"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def unfinished(self, local: Path) -> Path | None:
        """Return where unfinished pieces are kept: where the folder has a place for them."""
        return local

    def outcomes(self, pieces: Sequence[Piece], unfinished: Path | None) -> Generator[Outcome]:
        """Do pieces, and give what became of each, the first that is ready first.

        Where a process is killed its piece is done again, and so are those that its end stopped.
        """
        waiting, starts = deque(pieces), Counter[str]()
        running: dict[Future[Outcome], Piece] = {}
        others = set(multiprocessing.active_children())
        pool = self._pool()
        try:
            while waiting or running:
                while waiting and len(running) < self.count:
                    # One that was lost twice is done alone, so that it stops no other a third time.
                    alone = starts[waiting[0].name] > 1 or any(
                        starts[piece.name] > 2 for piece in running.values()
                    )
                    if alone and running:
                        break
                    piece = waiting.popleft()
                    starts[piece.name] += 1
                    running[self._submit(pool, piece, unfinished)] = piece
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                if any(isinstance(each.exception(), BrokenProcessPool) for each in ready):
                    ready, _ = wait(running)  # no process of the pool is left
                    pool.shutdown()
                    pool = self._pool()
                for future in ready:
                    piece = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        if starts[piece.name] < MOST_STARTS:
                            waiting.appendleft(piece)
                        else:
                            yield Outcome(
                                piece, None, f"its process was killed {MOST_STARTS} times"
                            )
                    else:
                        yield future.result()._replace(starts=starts[piece.name])
        except BaseException:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _pool(self) -> ProcessPoolExecutor:
        # torch's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.count, context, _obey_parent_only)

    @staticmethod
    def _submit(
        pool: ProcessPoolExecutor, piece: Piece, unfinished: Path | None
    ) -> "Future[Outcome]":
        """Hand a piece to a pool, which may start a process: with one thread."""
        before = {name: os.environ.get(name) for name in _THREADS}
        os.environ |= {name: before[name] or "1" for name in _THREADS}
        try:
            return pool.submit(do, piece, unfinished)
        except BrokenProcessPool as error:  # it is told as of those that had begun
            lost: Future[Outcome] = Future()
            lost.set_exception(error)
            return lost
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]


def _obey_parent_only() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the parent; end when it ends."""
    from tqdm import tqdm

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # tqdm's own lock is a semaphore of the system's, which a worker that is ended would leak.
    tqdm.set_lock(threading.RLock())
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in workers

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
