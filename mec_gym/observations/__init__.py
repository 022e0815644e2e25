"""What the agent sees, by name."""

import inspect
from typing import Any

from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted
from mec_gym.observations.base import Observation
from mec_gym.observations.checking import check
from mec_gym.observations.over_time import OVER_TIME
from mec_gym.observations.paper import PaperObservation, SIObservation
from mec_gym.observations.prices import PricesObservation
from mec_gym.observations.servers import ServersObservation
from mec_gym.scenario import Scenario

__all__ = [
    "OBSERVATIONS",
    "Observation",
    "PaperObservation",
    "PricesObservation",
    "SIObservation",
    "ServersObservation",
    "find",
    "make",
]

OBSERVATIONS: dict[str, type[Observation]] = {
    "paper": PaperObservation,
    "si": SIObservation,
    "servers": ServersObservation,
    "prices": PricesObservation,
}
"""The observations by name; a new one is a class in a file of its own and an entry here."""


def find(observation: str | type[Observation]) -> type[Observation]:
    """Return an observation by its name, your own as "module:name"; a class is returned as it is.

    Raises:
        ValueError: no such observation, or no subclass of `Observation`.
    """
    found: Any = observation
    if not isinstance(observation, type | Observation):
        found = names.find(OBSERVATIONS, observation, "observation")
    if not (isinstance(found, type) and issubclass(found, Observation)):
        raise ValueError(
            f"observation: {quoted(found)} is not a subclass of mec_gym.observations.Observation;"
            " give the class, not one that is made"
        )
    return found


def make(observation: str | type[Observation], scenario: Scenario) -> Observation:
    """Return what shows a scenario's slots; `observation` as for `find`.

    Where slots follow one another ours show what came before as well, see `over_time`; one of your
    own finds it in `Slot.wait`, `last_server` and `slots_left`.

    Raises:
        ValueError: no such observation, or one of your own that is not what it says.
    """
    kind = find(observation)
    if kind in OBSERVATIONS.values():  # these are tested
        return (kind if scenario.slots == 1 else OVER_TIME[kind])(scenario)
    if not isinstance(inspect.getattr_static(kind, "write", None), staticmethod):
        raise ValueError(f"observation: {kind.__name__}.write must be a @staticmethod")
    try:
        made = kind(scenario)
        check(made)
    except Exception as error:  # whatever a user's own code raises
        said = one_line(error if isinstance(error, ValueError | TypeError) else repr(error))
        raise ValueError(
            f"observation: {kind.__name__}: {said}; see mec_gym.observations.Observation"
        ) from error
    return made
