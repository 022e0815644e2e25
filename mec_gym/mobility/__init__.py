"""How devices move from slot to slot, by name."""

from typing import Any

from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted
from mec_gym.mobility.base import MOBILITY, Mobility
from mec_gym.mobility.static import Static

__all__ = ["MOBILITY", "Mobility", "Static", "from_fields"]

MOBILITY["static"] = Static


def from_fields(fields: Any) -> Any:
    """Return the model of a table of fields, of which `kind` says which it is.

    Raises:
        ValueError: no such kind, or a bad value.
    """
    if isinstance(fields, str):
        fields = {"kind": fields}
    if not isinstance(fields, dict):
        return fields
    kind = names.find(MOBILITY, fields.get("kind"), "kind")
    if not (isinstance(kind, type) and issubclass(kind, Mobility)):
        raise ValueError(
            f"kind: {quoted(fields['kind'])} is not a subclass of mec_gym.mobility.Mobility"
        )
    try:
        return kind(**fields)
    except TypeError as error:  # a method is missing
        raise ValueError(one_line(error)) from None
