"""Lower bounds on the delay, of whole slots and of partly assigned ones."""

from mec_gym.bounds.relaxation import Relaxation, lower_bound, relax
from mec_gym.bounds.water_level import computing_bound, fill, filled, water_level

__all__ = [
    "Relaxation",
    "computing_bound",
    "fill",
    "filled",
    "lower_bound",
    "relax",
    "water_level",
]
