"""Do what is not finished yet, with a bar; or say what that would cost."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from mec_gym.io.progress import progress, remark
from mec_gym.jobs.pieces import Outcome, Piece
from mec_gym.jobs.results import Store, enter, entries, forget, held

_MOST_REMARKS = 50


class Workers(Protocol):
    """What does pieces: `Processes` or `OnRay`."""

    @property
    def count(self) -> int:
        """How many pieces are done at a time."""

    @property
    def where(self) -> str:
        """What they are, for people."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> None: ...

    def unfinished(self, local: Path) -> Path | None:
        """Return where unfinished pieces are kept, beside the results or elsewhere; None: not."""

    def outcomes(self, pieces: Sequence[Piece], unfinished: Path | None) -> Generator[Outcome]:
        """Do pieces, and give what became of each, the first that is ready first."""


@dataclass(frozen=True)
class Estimate:
    """What is left of some pieces, and about how long that takes.

    Attributes:
        pieces: how many there are.
        finished: how many of them are finished.
        hours: the others would take; None: none of them was timed.
        where: what would do them.
    """

    pieces: int
    finished: int
    hours: float | None
    where: str

    def __str__(self) -> str:
        text = f"{self.pieces} pieces, {self.finished} of them finished"
        if self.finished == self.pieces:
            return f"{text}: nothing is left to do"
        if self.hours is None:
            return f"{text}; how long the others take is not known"
        return f"{text}; about {_time(self.hours)} for the others on {self.where}"


def _time(hours: float) -> str:
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    minutes = round(60 * hours)
    return f"{hours:.1f} hours" if hours >= 1 else f"{minutes} minute{'s' * (minutes > 1)}"


def run(
    pieces: Sequence[Piece],
    store: Store,
    workers: Workers,
    *,
    unit: str = "piece",
    field: str = "out",
    show: bool = True,
) -> Mapping[str, str]:
    """Do the pieces that are not finished, with a bar; one that fails stops no other.

    An interrupt ends the workers at once; what was finished is kept, and what was not is taken up
    where it left something.

    Args:
        pieces: to do; those of the same name are one.
        store: where the results are.
        workers: what does them.
        unit: what a piece is called.
        field: that named the store's folder, for errors.
        show: whether to show how far it is.

    Returns:
        Why pieces failed, by name; the others are finished.

    Raises:
        ValueError: another command works into the store, or it cannot be written.
        OSError: a result cannot be written; those before are there.
    """
    named = {piece.name: piece for piece in pieces}
    failures: dict[str, str] = {}
    with held(store.folder, field) as local:
        missing = [piece for piece in named.values() if not store.finished(piece)]
        if not missing:
            return failures
        with workers, progress(len(named), unit, len(named) - len(missing), show) as bar:
            place, done = workers.unfinished(local), 0
            often = max(1, len(named) // _MOST_REMARKS)  # each is a line where there is no bar
            with closing(workers.outcomes(missing, place)) as outcomes:
                for outcome in outcomes:
                    _keep(outcome, store, place, failures)
                    bar.update()
                    done += 1
                    if done % often == 0 or done == len(missing):
                        bar.set_postfix_str(outcome.piece.name)
    return failures


def _keep(outcome: Outcome, store: Store, place: Path | None, failures: dict[str, str]) -> None:
    """Write a result, or note a failure; say what was done more than once."""
    piece = outcome.piece
    if outcome.result is None:
        failures[piece.name] = outcome.failure
        remark(f"failed: {piece.name}: {outcome.failure}")
        return
    store.write(piece, outcome.result)
    enter(store.folder, piece, outcome.seconds)
    if place is not None:
        forget(place, piece)
    if outcome.starts > 1:
        remark(f"{piece.name}: started {outcome.starts} times, as its worker was lost")


def estimate(
    pieces: Sequence[Piece], store: Store, workers: Workers, *, unit: str, field: str = "out"
) -> Estimate:
    """Return what the pieces that are not finished would cost, by those that are.

    Where none is, as many as are done at a time are done first, the lightest; that is kept.

    Raises:
        ValueError: as `run`, or a piece fails; the message names it.
    """
    named = {piece.name: piece for piece in pieces}
    with workers:
        count, where = workers.count, workers.where
    if not (_seconds(named, store) or all(map(store.finished, named.values()))):
        first = sorted(named.values(), key=lambda piece: piece.weight)[:count]
        for name, reason in run(first, store, workers, unit=unit, field=field).items():
            raise ValueError(f"{name}: {reason}")
    missing = [piece for piece in named.values() if not store.finished(piece)]
    rate = _seconds(named, store)
    hours = None
    if rate is not None:
        work = sum(piece.weight for piece in missing) / min(count, len(missing) or 1)
        hours = rate * work / 3600
    return Estimate(len(named), len(named) - len(missing), hours, where)


def _seconds(named: Mapping[str, Piece], store: Store) -> float | None:
    """Return the seconds that a piece of weight 1 took; None where none was timed."""
    timed = [entry for name, entry in entries(store.folder).items() if name in named]
    weight = sum(float(entry["weight"]) for entry in timed)
    return sum(float(entry["seconds"]) for entry in timed) / weight if weight else None
