"""Which readings of what the paper leaves open come nearest to its numbers, as text."""

from collections.abc import Mapping, Sequence

from evaluate.paper import stated
from evaluate.paper.readings import BANDWIDTH, GOA, NOISE, SERVERS, SHARES, Reading
from mec_gym.io.markdown import table

TABLES: dict[str, Mapping[str, object]] = {
    "noise": NOISE,
    "bandwidth": BANDWIDTH,
    "servers": SERVERS,
    "shares": SHARES,
    "goa": GOA,
}
DEFAULTS = {point: next(iter(choices)) for point, choices in TABLES.items()}


def with_changes(found: Sequence[Reading], **changes: str) -> Reading:
    """Return the reading that takes the default side on all points but those given."""
    wanted = DEFAULTS | changes
    return next(reading for reading in found if _sides(reading) == wanted)


def explain(found: Sequence[Reading]) -> str:
    """Show which readings of the open points come nearest to the stated values."""
    default = _words(DEFAULTS)
    changed = {
        reading: [ours for ours, other in zip(_words(_sides(reading)), default, strict=True)
                  if ours != other]
        for reading in found
    }  # fmt: skip
    nearest: dict[Reading, list[str]] = {}
    for label, off in (
        ("nearest at 5 GHz", lambda reading: reading.distance_figure_4),
        ("nearest in Fig. 5", lambda reading: reading.distance_figure_5),
        ("nearest to all", lambda reading: reading.distance),
    ):
        nearest.setdefault(min(found, key=off), []).append(label)
    shown = sorted(
        (reading for reading in found if len(changed[reading]) <= 1 or reading in nearest),
        key=lambda reading: len(changed[reading]),
    )

    def name(reading: Reading) -> str:
        text = "; ".join(changed[reading]) or f"our default: {'; '.join(default)}"
        return f"**{', '.join(nearest[reading])}**: {text}" if reading in nearest else text

    rows = [
        [
            name(reading),
            *(
                f"{value:.2f}"
                for value in (
                    reading.optimum_5ghz, reading.goa_5ghz, reading.roa_5ghz,
                    reading.optimum_500, reading.optimum_1000, reading.roa_500, reading.roa_1000,
                )
            ),
            f"{reading.distance_figure_4:.0%}",
            f"{reading.distance_figure_5:.0%}",
            f"{reading.distance:.0%}",
        ]
        for reading in shown
    ]  # fmt: skip
    at_5ghz, complexity = stated.FIGURE_4, stated.FIGURE_5
    rows.append(
        ["*the paper, with DQN-RAO for the optimum*"]
        + [f"{at[stated.FREQUENCY_GHZ]:.2f}" for at in at_5ghz.values()]
        + [f"{value:.2f}" for at in complexity.values() for value in at.values()]
        + ["", "", ""]
    )
    head = ["reading", "optimum, 5 GHz", "GOA", "ROA", "optimum, 500", "1000", "ROA, 500", "1000"]
    head += ["off, 5 GHz", "off, Fig. 5", "off, all"]
    ordered = sum(r.optimum_5ghz < r.goa_5ghz < r.roa_5ghz for r in found)
    return f"""\
Each reading takes a side on five points: σ² as a density or as a power; the bandwidth B for each
device or shared; Fig. 5's servers as one deployment or drawn each slot; CPU shares of ROA and GOA
by Eq. (20) or equal; GOA as it is or within capacity. No training is needed for the comparison: the
optimum stands where DQN-RAO would be at best. "Off" is the root mean square of the relative
differences to the stated values. The rows after the first name what differs from it. Delays in
seconds; all {len(found)} readings are in
`readings.csv` beside the figures, in `results/figures` by default, once `make figures` has run.

{table(head, rows)}

No reading comes nearer than {min(r.distance_figure_4 for r in found):.0%} at 5 GHz,
{min(r.distance_figure_5 for r in found):.0%} in Fig. 5 or {min(r.distance for r in found):.0%} to
all values together. The order optimum < GOA < ROA at 5 GHz holds in {ordered} of {len(found)}."""


def _sides(reading: Reading) -> dict[str, str]:
    return reading.model_dump(include=set(TABLES))


def _words(sides: Mapping[str, str]) -> list[str]:
    before = {"noise": "σ² as ", "bandwidth": "", "goa": "GOA "}
    return [before.get(point, f"{point} ") + sides[point] for point in TABLES]
