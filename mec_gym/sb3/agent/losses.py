"""Losses of the temporal-difference error, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted

Array = NDArray[np.float32]


class Loss(NamedTuple):
    """A loss of the temporal-difference error, and its derivative, elementwise."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


SQUARED = Loss(np.square, lambda error: 2 * error)
"""Algorithm 1, line 11."""


def squared(delta: float) -> Loss:
    """Return `SQUARED`, which has no delta."""
    return SQUARED


def huber(delta: float) -> Loss:
    """Return Huber's loss, linear for errors beyond delta."""
    return Loss(
        lambda error: np.where(abs(error) < delta, error**2 / 2, delta * (abs(error) - delta / 2)),
        lambda error: np.clip(error, -delta, delta),
    )


LOSSES: dict[str, Callable[[float], Loss]] = {"squared": squared, "huber": huber}
"""The losses by name, functions of `huber_delta`; a new one is a function and an entry here."""


def find(name: str, delta: float) -> Loss:
    """Return a loss by its name, your own as "module:name".

    Raises:
        ValueError: no such loss, or one of your own that is none.
    """
    made: Any = names.find(LOSSES, name, "loss")
    if made not in LOSSES.values():  # these are tested
        errors = np.array([-1.0, 0.0, 0.5], np.float32)
        try:
            made(delta).value(errors).shape, made(delta).derivative(errors).shape
        except Exception as error:  # whatever a user's own code raises
            raise ValueError(
                f"loss: {quoted(made)} makes no Loss of a delta: {one_line(repr(error))}; see"
                " mec_gym.sb3.agent.losses"
            ) from error
    return made(delta)  # type: ignore[no-any-return]
