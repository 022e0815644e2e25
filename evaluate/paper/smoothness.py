"""The training loss of a run, episode by episode, and how jagged it is (Fig. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluate.paper.runs import StudyRun
from mec_gym.io.settings import Settings

FloatArray = NDArray[np.float64]

TREND_EPISODES = 21
"""How many episodes a parabola is fitted to for the trend: two copies of the target network."""


class LossPoint(Settings):
    """The mean training loss of the updates of one episode, s²."""

    batch_size: int
    seed: int
    episode: int
    loss: float


def read_loss(run: StudyRun, runs: Path) -> list[LossPoint]:
    """Read the loss curve of a finished run that logged every episode.

    Raises:
        ValueError: the run has no loss curve.
    """
    # tensorboard has no types
    from tensorboard.backend.event_processing import (
        event_accumulator,
    )

    events = event_accumulator.EventAccumulator(str(runs / run.name), {"scalars": 0})
    events.Reload()
    if "train/loss" not in events.Tags()["scalars"]:
        raise ValueError(f"{runs / run.name}: no train/loss in it; delete it and train it anew")
    devices = run.config.scenario.num_devices
    return [
        LossPoint(
            batch_size=run.config.batch_size,
            seed=run.config.seed,
            episode=event.step // devices,
            loss=event.value,
        )
        for event in events.Scalars("train/loss")
    ]


def trend(values: Sequence[float] | FloatArray, width: int = TREND_EPISODES) -> FloatArray:
    """Return the middles of the parabolas that fit every `width` neighbours, (len - width + 1,).

    This is Savitzky's and Golay's filter; a moving mean would take a bend in the curve for noise.

    Raises:
        ValueError: the width is even, or there are fewer values.
    """
    from scipy.signal import savgol_filter

    array = np.asarray(values, dtype=np.float64)
    if width % 2 == 0 or len(array) < width:
        raise ValueError(f"width: {width} of {len(array)} values; needs an odd one within them")
    edge = width // 2
    return np.asarray(savgol_filter(array, width, 2)[edge : len(array) - edge])


def detrended(values: Sequence[float] | FloatArray, width: int = TREND_EPISODES) -> FloatArray:
    """Return the values less the trend, where there is one."""
    smooth, edge = trend(values, width), width // 2
    return np.asarray(values, dtype=np.float64)[edge : edge + len(smooth)] - smooth


@dataclass(frozen=True)
class Roughness:
    """How jagged a loss curve is.

    Attributes:
        variance: mean square of the detrended loss, s^4.
        relative: the same where each value is taken relative to the trend there.
    """

    variance: float
    relative: float

    @classmethod
    def of(cls, values: Sequence[float] | FloatArray, width: int = TREND_EPISODES) -> "Roughness":
        """Measure a curve of at least `width` positive values."""
        rest = detrended(values, width)
        share = rest / trend(values, width)
        return cls(float(np.mean(rest**2)), float(np.mean(share**2)))


def by_run(points: Sequence[LossPoint]) -> dict[int, dict[int, list[LossPoint]]]:
    """Return the curves by minibatch and seed, cut to the episodes that all of them have.

    A large minibatch takes longer to collect, so its curve begins later.
    """
    curves: dict[int, dict[int, list[LossPoint]]] = {}
    for point in points:
        curves.setdefault(point.batch_size, {}).setdefault(point.seed, []).append(point)
    every = [curve for seeds in curves.values() for curve in seeds.values()]
    first = max(curve[0].episode for curve in every)
    return {
        size: {
            seed: [point for point in curve if point.episode >= first]
            for seed, curve in seeds.items()
        }
        for size, seeds in curves.items()
    }


def roughness(points: Sequence[LossPoint]) -> dict[int, list[Roughness]]:
    """Return how jagged the curves of each minibatch are, one a seed, over the same episodes."""
    return {
        size: [Roughness.of([point.loss for point in curve]) for curve in seeds.values()]
        for size, seeds in by_run(points).items()
    }
