"""The loop over slots that writes their plans, compiled."""

from typing import Any

from mec_gym.compiling import loop, loops_for
from mec_gym.observations.plans import write_plan


@loops_for
def planning(formulas: str) -> Any:
    """Return the loop that writes a plan, with the arguments of `plans.write_plan`."""

    @loop
    def plan(
        shown_cost: Any,
        shown_size: Any,
        hidden_cost: Any,
        hidden_size: Any,
        lookahead: Any,
        server_hz: Any,
        capacity: Any,
        prices: Any,
        out: Any,
    ) -> None:
        assert formulas
        write_plan(
            shown_cost,
            shown_size,
            hidden_cost,
            hidden_size,
            lookahead,
            server_hz,
            capacity,
            prices,
            out,
        )

    return plan
