"""What the agent sees, by name."""

from mec_gym.observations.base import Observation
from mec_gym.observations.paper import PaperObservation, SIObservation
from mec_gym.observations.servers import ServersObservation

__all__ = [
    "OBSERVATIONS",
    "Observation",
    "PaperObservation",
    "SIObservation",
    "ServersObservation",
]

OBSERVATIONS: dict[str, type[Observation]] = {
    "paper": PaperObservation,
    "si": SIObservation,
    "servers": ServersObservation,
}
"""The observations by name; a new one is a class in a file of its own and an entry here."""
