"""Show a slot as text or as a picture."""

from typing import Any
import numpy as np
from numpy.typing import NDArray
from mec_gym.mdp import State


def text(state: State) -> str:
    return ""


def picture(state: State) -> NDArray[np.uint8]:
    return np.zeros((4, 4, 3), np.uint8)


class Window:
    def show(self, state: State) -> None: ...
    def close(self) -> None: ...
