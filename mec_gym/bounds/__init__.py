"""Lower bounds on the delay, of whole slots and of partly assigned ones."""

from mec_gym.bounds.online import OnlineBound, online_bound, online_lower_bound
from mec_gym.bounds.relaxation import Relaxation, lower_bound, relax
from mec_gym.bounds.water_level import rise_at_level, water_level

__all__ = [
    "OnlineBound",
    "Relaxation",
    "lower_bound",
    "online_bound",
    "online_lower_bound",
    "relax",
    "rise_at_level",
    "water_level",
]
