"""The picture of slots that follow one another: delay and work left over from slot to slot."""

from typing import TYPE_CHECKING

import numpy as np

from mec_gym.planning.episodes import OfEpisodes
from mec_gym.planning.pictures import TARGET_LINE, line_style, new_figure
from mec_gym.planning.targets import Target
from mec_gym.workload import loads

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def over_slots(made: OfEpisodes, network: str, target: Target | None) -> "Figure":
    """Return the mean delay of a task and the work left over in each slot, a line a policy."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(9.0, 6.4)
    delay, backlog = figure.subplots(2, 1, sharex=True)
    numbers = np.arange(made.drawn.num_slots)
    for place, each in enumerate(made.played):
        assert each.over_time is not None  # slots follow one another
        for axes, values in (
            (delay, each.over_time.slot_delay),
            (backlog, each.over_time.backlog_s),
        ):
            height = np.array(values, dtype=float)
            axes.plot(numbers, height, label=each.name, **line_style(place))
    if target is not None and target.slowest_s is not None:
        delay.axhline(target.slowest_s, label=f"target: {target.text}", **TARGET_LINE)
    delay.set(title="mean delay of a task", ylabel="delay, s")
    backlog.set(
        title="work left over as slots end, W / F, mean of servers",
        ylabel="work left over, s",
        xlabel="slot",
    )
    _shade(made, delay, backlog)
    for axes in (delay, backlog):
        axes.set_ylim(bottom=0)
        axes.set_xlim(-0.5, len(numbers) - 0.5)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    backlog.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = delay.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    slot_s = made.drawn.slot_s
    figure.suptitle(f"{network}: means of {made.said}, a slot is {slot_s:g} s")
    return figure


def _shade(made: OfEpisodes, *panels: "Axes") -> None:
    """Shade the slots in which more work arrives than the servers can do."""
    over = np.flatnonzero(loads(made.scenario) > 1)
    for axes in panels:
        for at, number in enumerate(over):
            label = None if at else "load above 1"
            axes.axvspan(
                number - 0.5, number + 0.5, color="0.9", linewidth=0, label=label, zorder=0
            )
