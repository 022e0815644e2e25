"""What the paper states in Sec. IV-C, to compare with; each value is its "approximately"."""

from collections.abc import Mapping

DQN_RAO, DQN_SI = "dqn-rao", "dqn-rao-si"
"""Names of the trained policy: with the inputs scaled to [0, 1], and in SI units."""

FREQUENCY_GHZ = 5.0
"""The frequency at which Fig. 4's values are stated."""

COMPLEXITIES = (500.0, 1000.0)
"""The ends of Fig. 5, at which its values are stated, cycles/bit."""

Stated = Mapping[str, Mapping[float, float]]
"""Average delays by policy, then by place on the horizontal axis, s."""

FIGURE_4: Stated = {
    DQN_RAO: {FREQUENCY_GHZ: 0.60},
    "goa": {FREQUENCY_GHZ: 0.70},
    "roa": {FREQUENCY_GHZ: 0.85},
}
FIGURE_5: Stated = {
    DQN_RAO: dict(zip(COMPLEXITIES, (0.44, 0.54), strict=True)),
    "roa": dict(zip(COMPLEXITIES, (0.55, 0.78), strict=True)),
}

MARGINS = {"goa": 0.14, "roa": 0.29}
"""By how much DQN-RAO is below the others at 5 GHz, at least."""
