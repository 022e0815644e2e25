"""NumPy's generator PCG64 for many copies at once, in a compiled loop; NumPy is the test's oracle.

A copy's state is four numbers of 64 bits: the upper and lower half of `state`, and of `inc`. The
algorithm is O'Neill's PCG XSL RR 128/64, whose stream NumPy keeps from release to release; one call
into NumPy for each copy would take longer than the numbers do.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from mec_gym.compiling import loop, loops_for

_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645


def packed(generator: np.random.Generator) -> list[int]:
    """Return a generator's state, (4,), as the loop takes it."""
    state: Any = generator.bit_generator.state["state"]
    return [half for name in ("state", "inc") for half in divmod(state[name], 1 << 64)]


def unpacked(state: NDArray[np.uint64]) -> np.random.Generator:
    """Return the generator of a state, (4,)."""
    upper, lower, inc_upper, inc_lower = state.tolist()
    made: Any = np.random.PCG64()
    numbers = {"state": upper << 64 | lower, "inc": inc_upper << 64 | inc_lower}
    made.state = made.state | {"state": numbers, "has_uint32": 0, "uinteger": 0}
    return np.random.Generator(made)


def _advance(context: Any, upper: Any, lower: Any, inc_upper: Any, inc_lower: Any) -> Any:
    """Return state x multiplier + inc modulo 2^128, in halves; numba has no numbers of 128 bits."""
    wide, half = ir.IntType(128), ir.IntType(64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        above = ir.Constant(wide, 64)
        state, inc = (
            builder.or_(builder.shl(builder.zext(top, wide), above), builder.zext(bottom, wide))
            for top, bottom in (args[:2], args[2:])
        )
        new = builder.add(builder.mul(state, ir.Constant(wide, _MULTIPLIER)), inc)
        halves = [builder.trunc(builder.lshr(new, above), half), builder.trunc(new, half)]
        return context.make_tuple(builder, signature.return_type, halves)

    half_type: Any = types.uint64
    halves_type: Any = types.UniTuple(half_type, 2)  # type: ignore[no-untyped-call]
    return halves_type(*[half_type] * 4), generate


_advanced: Any = intrinsic(_advance)


@loops_for
def uniforms(formulas: str) -> Any:
    """Return the compiled loop that draws, see `draw` in it."""

    @loop
    def draw(states: Any, copies: Any, unit: Any) -> None:
        """Write the next numbers uniform on [0, 1) of some copies' generators, (n, K); (B, 4)."""
        assert formulas
        right, rotation, size = np.uint64(11), np.uint64(58), np.uint64(64)
        for place, copy in enumerate(copies):
            upper, lower = states[copy, 0], states[copy, 1]
            inc_upper, inc_lower = states[copy, 2], states[copy, 3]
            for number in range(unit.shape[1]):
                upper, lower = _advanced(upper, lower, inc_upper, inc_lower)
                folded, turn = upper ^ lower, upper >> rotation
                turned = folded >> turn | folded << ((size - turn) & np.uint64(63))
                unit[place, number] = np.int64(turned >> right) * (1.0 / 9007199254740992.0)
            states[copy, 0], states[copy, 1] = upper, lower

    return draw
