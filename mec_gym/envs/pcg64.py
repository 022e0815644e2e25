"""NumPy's generator PCG64 for many copies at once, in a compiled loop; NumPy is the test's oracle.

A copy's state is four numbers of 64 bits: the upper and lower half of `state`, and of `inc`. The
algorithm is O'Neill's PCG XSL RR 128/64, whose stream NumPy keeps from release to release; one call
into NumPy for each copy would take longer than the numbers do.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

from mec_gym.compiling import borrowed, loop, loops_for

_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_UPPER, _LOWER = (np.uint64(half) for half in divmod(_MULTIPLIER, 1 << 64))


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


def _linear(
    context: Any,
    upper: Any,
    lower: Any,
    by_upper: Any,
    by_lower: Any,
    plus_upper: Any,
    plus_lower: Any,
) -> Any:
    """Return number x by + plus modulo 2^128, in halves; numba has no numbers of 128 bits."""
    wide, half = ir.IntType(128), ir.IntType(64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        above = ir.Constant(wide, 64)
        number, by, plus = (
            builder.or_(builder.shl(builder.zext(top, wide), above), builder.zext(bottom, wide))
            for top, bottom in (args[:2], args[2:4], args[4:])
        )
        new = builder.add(builder.mul(number, by), plus)
        halves = [builder.trunc(builder.lshr(new, above), half), builder.trunc(new, half)]
        return context.make_tuple(builder, signature.return_type, halves)

    half_type: Any = types.uint64
    halves_type: Any = types.UniTuple(half_type, 2)  # type: ignore[no-untyped-call]
    return halves_type(*[half_type] * 6), generate


_linear_of: Any = intrinsic(_linear)


@register_jitable
def _advanced(upper: Any, lower: Any, inc_upper: Any, inc_lower: Any) -> Any:
    """Return the next state, in halves."""
    return _linear_of(upper, lower, _UPPER, _LOWER, inc_upper, inc_lower)


@register_jitable
def _uniform(upper: Any, lower: Any) -> Any:
    """Return the number uniform on [0, 1) that a state gives."""
    folded, turn = upper ^ lower, upper >> np.uint64(58)
    turned = folded >> turn | folded << ((np.uint64(64) - turn) & np.uint64(63))
    return np.int64(turned >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@loops_for
def uniforms(formulas: str) -> Any:
    """Return the compiled loop that draws, see `draw` in it."""

    @loop
    def draw(states: Any, copies: Any, unit: Any) -> None:
        """Write the next numbers uniform on [0, 1) of some copies' generators, (n, K); (B, 4).

        Those of two copies at a time, as each number waits for the one before.
        """
        assert formulas
        states = borrowed(states)
        for place in range(0, len(copies), 2):
            beside = min(place + 1, len(copies) - 1)  # the last by itself: twice the same
            one, other = states[copies[place]], states[copies[beside]]
            upper, lower, inc_upper, inc_lower = one[0], one[1], one[2], one[3]
            high, low, inc_high, inc_low = other[0], other[1], other[2], other[3]
            for number in range(unit.shape[1]):
                upper, lower = _advanced(upper, lower, inc_upper, inc_lower)
                high, low = _advanced(high, low, inc_high, inc_low)
                unit[place, number] = _uniform(upper, lower)
                unit[beside, number] = _uniform(high, low)
            one[0], one[1] = upper, lower
            other[0], other[1] = high, low

    return draw


def leap(count: int) -> NDArray[np.uint64]:
    """Return what `skip` takes to leave out so many numbers, (4,).

    The state after them is state x by + inc x plus, whose halves these are (Brown, 1994).
    """
    by, plus, square, sum_of_powers = 1, 0, _MULTIPLIER, 1
    while count:
        if count & 1:
            by, plus = by * square, plus * square + sum_of_powers
        square, sum_of_powers = square * square, (square + 1) * sum_of_powers
        by, plus, square, sum_of_powers = (
            each % (1 << 128) for each in (by, plus, square, sum_of_powers)
        )
        count >>= 1
    return np.array([half for each in (by, plus) for half in divmod(each, 1 << 64)], np.uint64)


@loops_for
def skip(formulas: str) -> Any:
    """Return the compiled loop that leaves numbers out, see `skip_all` in it."""

    @loop
    def skip_all(states: Any, copies: Any, by: Any) -> None:
        """Leave out the next numbers of some copies' generators, as many as `leap` was given."""
        assert formulas
        for copy in copies:
            state = states[copy]
            upper, lower = _linear_of(by[2], by[3], state[2], state[3], np.uint64(0), np.uint64(0))
            state[0], state[1] = _linear_of(state[0], state[1], by[0], by[1], upper, lower)

    return skip_all
