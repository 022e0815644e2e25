"""Show a slot: as text, as a picture or in a window.

Pictures need matplotlib, an optional extra, which is imported only when one is drawn.
"""

import itertools
import logging
import textwrap
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, links
from mec_gym.envs.slot_picture import draw_map, draw_rows, excess_of, names_of
from mec_gym.envs.strip import HEIGHT, Past, draw_strip
from mec_gym.instance import Instance
from mec_gym.mdp import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

_TEXT_WIDTH = 100
_WIDTH, _HEIGHT = 9.6, 6.0
_MOST_WAITS = 8
"""Up to so many servers each say how long their work left over takes."""


def text(state: State) -> str:
    """Return the slot in plain text, at most 100 columns wide; delays in seconds by Eq. (20)."""
    slot, (_, delay) = state.instance, state.allocate()
    loads, excess, names = state.load, excess_of(state), names_of(state)
    rises = ["-"] * slot.num_actions
    if not state.done:
        rises = [f"{seconds:.4g}" for seconds in _rises(state)]
    head = "server  CPU, GHz       load  average delay, s  next device adds, s  devices"
    lines = [*_summary(state), "", head]
    for action, adds in enumerate(rises):
        devices = np.flatnonzero(state.assignment == action)
        mean = f"{delay[devices].mean():.4g}" if devices.size else "-"
        hz, load = "-", str(loads[action])
        if action < slot.num_servers:
            hz, load = f"{slot.server_hz[action] / 1e9:.4g}", f"{load}/{slot.capacity[action]}"
        row = f"{names[action]:>6}{hz:>10}{load:>11}{mean:>18}{adds:>21}  "
        row += "OVERLOAD  " if excess[action] else ""
        assigned = " ".join(map(str, devices))
        row += textwrap.shorten(assigned, _TEXT_WIDTH - len(row), placeholder=" ...")
        lines.append(row.rstrip())
    return "\n".join(lines)


def picture(state: State, past: Past | None = None) -> NDArray[np.uint8]:
    """Return the slot as an RGB picture, (H, W, 3): of 600 x 960 pixels, 200 higher with a strip.

    Args:
        state: the slot.
        past: what came before it in its episode, shown as a strip below; None: no strip.

    Raises:
        ImportError: matplotlib is not installed.
    """
    _require_matplotlib()
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The same slot gives the same bytes, whatever the user's own style.
    with style.context("default"):
        figure = Figure(**_size(past))
        canvas: Any = FigureCanvasAgg(figure)
        _draw(figure, state, past)
        canvas.draw()
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


class Window:
    """A window that shows a slot, updated in place at most `fps` times a second.

    It needs an interactive backend of matplotlib. Where there is none (no display, no GUI toolkit)
    the log says so once, nothing is shown and nothing waits, so that headless runs and Gymnasium's
    checker go on; a window that the user closes stays closed likewise.
    """

    _numbers = itertools.count(1)

    def __init__(self, fps: float) -> None:
        self._seconds_each = 1 / fps
        # pyplot finds the window by its title.
        self._title = f"MEC-Offload {next(self._numbers)}"
        self._figure: Figure | None = None

    def show(self, state: State, past: Past | None = None) -> None:
        """Show the slot, and stay on it for 1/`fps` seconds; see `picture`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        due = time.monotonic() + self._seconds_each
        _require_matplotlib()
        from matplotlib import pyplot as plt
        from matplotlib import style

        if self._figure is None:
            self._figure = self._open(past)
        if not plt.fignum_exists(self._title):
            return
        with style.context("default"):
            self._figure.clear()
            _draw(self._figure, state, past)
        self._figure.canvas.draw_idle()
        # pyplot.pause would raise whichever figure is current, and with start_event_loop tk hangs
        # where the user closes one of several windows.
        while True:
            self._figure.canvas.flush_events()
            if time.monotonic() >= due or not plt.fignum_exists(self._title):
                return
            time.sleep(0.01)

    def close(self) -> None:
        """Close the window; it can be called again."""
        if self._figure is not None:
            from matplotlib import pyplot as plt

            plt.close(self._figure)

    def _open(self, past: Past | None) -> "Figure":
        from matplotlib import pyplot as plt
        from matplotlib.backend_bases import FigureManagerBase

        figure = plt.figure(self._title, **_size(past))
        manager = figure.canvas.manager
        if manager is not None and type(manager).show is not FigureManagerBase.show:
            manager.show()
            return figure
        plt.close(figure)
        logging.getLogger(__name__).warning(
            'render_mode="human" shows nothing: matplotlib\'s backend %r opens no window, for want'
            ' of a display or of a GUI toolkit; use render_mode="rgb_array" or "ansi"',
            plt.get_backend(),
        )
        return figure


def _size(past: Past | None) -> dict[str, Any]:
    height = _HEIGHT + (0 if past is None else HEIGHT)
    return {"figsize": (_WIDTH, height), "dpi": 100, "facecolor": "white"}


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'render_mode: "rgb_array" and "human" need matplotlib; pip install "mec-gym[render]"'
        ) from error


def _rises(state: State) -> NDArray[np.float64]:
    """Return what the next device adds to the cost at each action, (A,), s; inf: not allowed."""
    slot, device = state.instance, state.device
    rise = equations.delay_rise(
        links.cost(slot)[device], links.size(slot)[device], links.server_hz(slot), state.sqrt_load
    )
    allowed = links.allowed(slot)
    return np.asarray(rise if allowed is None else np.where(allowed[device], rise, np.inf))


def _summary(state: State) -> list[str]:
    """Return the progress in one line, and the delays and overloads so far in another.

    Where the slot follows others a third says what came before.
    """
    (_, delay), slot, excess = state.allocate(), state.instance, excess_of(state).sum()
    coming = "slot complete"
    if not state.done:
        cycles, kilobits = slot.task_cycles[state.device] / 1e9, slot.task_bits[state.device] / 1e3
        coming = f"next is device {state.device} ({cycles:.4g} Gcycles, {kilobits:.4g} kb)"
    so_far = "none"
    if delay.size:
        so_far = f"average {delay.mean():.4g} s, total {delay.sum():.4g} s"
    overload = f"OVERLOAD: tasks above capacity: {excess}" if excess else "no overload"
    return [
        f"{state.device} of {slot.num_devices} devices assigned, {coming}",
        f"delay so far: {so_far}; {overload}",
        *_before(slot),
    ]


def _before(slot: Instance) -> list[str]:
    """Return what came before a slot that follows others, in one line; else none."""
    if slot.backlog_cycles is None:
        return []
    wait = slot.backlog_cycles / slot.server_hz
    waits = ", ".join(f"{seconds:.3g}" for seconds in wait)
    if len(wait) > _MOST_WAITS:
        waits = f"{wait.mean():.3g} on average, {wait.max():.3g} at most"
    return [f"work left over on servers: {waits} s; slots that follow: {slot.slots_left}"]


def _draw(figure: "Figure", state: State, past: Past | None) -> None:
    """Draw a slot, and below it what came before, where something may have."""
    if past is None:
        _draw_slot(figure, state)
        return
    parts: Any = figure.subfigures(2, 1, height_ratios=(_HEIGHT, HEIGHT))
    _draw_slot(parts[0], state)
    left = state.instance.slots_left
    assert left is not None  # slots follow one another
    draw_strip(parts[1], past, None if state.done else past.num_slots - 1 - int(left))


def _draw_slot(figure: "FigureBase", state: State) -> None:
    """Draw a slot: on a map where it has places, else its tasks, links, loads and delays."""
    if state.instance.device_places_m is None:
        draw_rows(figure, state)
    else:
        draw_map(figure, state)
    figure.suptitle("\n".join(_summary(state)), fontsize=12)
