"""Lower bounds on the delay, of whole slots and of partly assigned ones."""

from mec_gym.bounds.relaxation import Relaxation, lower_bound, relax
from mec_gym.bounds.water_level import rise_at_level, water_level

__all__ = [
    "Relaxation",
    "lower_bound",
    "relax",
    "rise_at_level",
    "water_level",
]
