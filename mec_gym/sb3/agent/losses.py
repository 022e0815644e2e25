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
    if made in LOSSES.values():  # these are tested
        return made(delta)  # type: ignore[no-any-return]
    try:
        loss = made(delta)
        _check(loss)
    except Exception as error:  # whatever a user's own code raises
        raise ValueError(
            f"loss: {name} makes no Loss of huber_delta {delta:g}: {one_line(error)}; see"
            " mec_gym.sb3.agent.losses"
        ) from error
    return loss  # type: ignore[no-any-return]


def _check(loss: Loss) -> None:
    """Check that a loss is elementwise, and its derivative the slope of its value.

    Raises:
        ValueError: it is not.
    """
    errors = np.array([-3.0, -0.7, -0.01, 0.02, 0.4, 2.5], np.float32)
    before, step = errors.copy(), np.float32(1e-2)
    value, slope = loss.value(errors), loss.derivative(errors)
    if (errors != before).any():
        raise ValueError("it changes the errors that it is given")
    for name, result in (("value", value), ("derivative", slope)):
        if np.shape(result) != errors.shape or not np.isfinite(result).all():
            raise ValueError(f"its {name} is {quoted(result)} of 6 errors; needs a number for each")
        one = getattr(loss, name)(errors[:1])
        if np.shape(one) != (1,) or not np.allclose(one, result[:1]):
            raise ValueError(f"its {name} of an error depends on the errors beside it")
    low, high = loss.value(errors - step), loss.value(errors + step)
    if not np.allclose((high - low) / (2 * step), slope, rtol=0.1, atol=0.02):
        raise ValueError("its derivative is not the slope of its value")
