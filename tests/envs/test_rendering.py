"""What is shown of a slot is true, is legible at every size, and needs no display."""

import logging
import subprocess
import sys
import time
import types
from importlib.util import find_spec

import gymnasium as gym
import numpy as np
import pytest
from any_options import ALL_AT_ONCE
from gymnasium.utils.env_checker import check_env

import mec_gym
from mec_gym import Scenario
from mec_gym.channels import PathLossChannel
from mec_gym.envs import rendering
from mec_gym.envs.offload import OffloadEnv
from mec_gym.mdp import State

needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="no matplotlib")


def small():
    """Three devices and two servers; every link takes 0.1 s, as 1e5 bits go at 1e6 bits/s."""
    ones = np.ones(3)
    return State(
        mec_gym.Instance(
            gain=np.ones((3, 2)),
            task_bits=1e5 * ones,
            task_cycles=np.array([1e9, 4e9, 1e9]),
            server_hz=np.array([10e9, 5e9]),
            capacity=np.array([1, 2]),
            bandwidth_hz=1e6 * ones,
            tx_power_w=ones,
            noise_w=ones,
        )
    )


def played(preset, share, server=None):
    """A slot of a preset with a share of its devices assigned, in turn or all to one server."""
    scenario = mec_gym.Scenario.preset(preset)
    state = State(scenario.sample(1, seed=0)[0])
    for device in range(round(share * scenario.num_devices)):
        state.assign(device % scenario.num_servers if server is None else server)
    return state


STAGES = [
    (preset, share, server)
    for preset in ("paper", "large", "city")
    for share in (0, 0.5, 1)
    for server in (None, 1)
]


def rows(text):
    """The words of each server's line."""
    return [line.split() for line in text.splitlines()[4:]]


# text


def test_text_before_the_first_decision():
    text = rendering.text(small())
    assert text.startswith("0 of 3 devices assigned, next is device 0 (1 Gcycles, 100 kb)\n")
    assert "delay so far: none; no overload" in text
    # Alone, 1e9 cycles take 0.1 s at 10 GHz and 0.2 s at 5 GHz.
    assert rows(text) == [["0", "10", "0/1", "-", "0.2"], ["1", "5", "0/2", "-", "0.3"]]


def test_text_of_a_partly_assigned_and_overloaded_slot():
    state = small()
    state.assign(0)
    state.assign(0)
    text = rendering.text(state)
    assert "2 of 3 devices assigned, next is device 2" in text
    # (1 + 2)^2 1e9 cycles at 10 GHz are 0.9 s, and each link takes 0.1 s.
    assert "average 0.55 s, total 1.1 s; OVERLOAD: tasks above capacity: 1" in text
    # A third one there makes it (1 + 2 + 1)^2 = 16 instead of 9, and a third link.
    assert rows(text) == [
        ["0", "10", "2/1", "0.55", "0.8", "OVERLOAD", "0", "1"],
        ["1", "5", "0/2", "-", "0.3"],
    ]


def test_text_of_a_complete_slot():
    state = small()
    for server in (0, 1, 1):
        state.assign(server)
    text = rendering.text(state)
    assert "3 of 3 devices assigned, slot complete" in text
    # 0.2 s alone; (2 + 1)^2 1e9 cycles at 5 GHz and two links are 2 s.
    assert "average 0.7333 s, total 2.2 s; no overload" in text
    assert rows(text) == [
        ["0", "10", "1/1", "0.2", "-", "0"],
        ["1", "5", "2/2", "1", "-", "1", "2"],
    ]


@pytest.mark.parametrize(("preset", "share", "server"), STAGES)
def test_text_is_a_line_a_server_in_100_columns_at_any_size(preset, share, server):
    state = played(preset, share, server)
    text = rendering.text(state)
    assert len(rows(text)) == state.instance.num_servers
    assert max(map(len, text.splitlines())) <= 100
    assert [row[2] for row in rows(text)] == [
        f"{load}/{places}" for load, places in zip(state.load, state.instance.capacity, strict=True)
    ]


def test_text_agrees_with_the_delay_that_the_environment_reports():
    env = gym.make("mec_gym:MEC-Offload-v0", render_mode="ansi")
    env.reset(seed=0)
    for device in range(9):
        info = env.step(device % 3)[4]
    assert f"average {info['average_delay']:.4g} s, total {info['task_delay'].sum():.4g} s" in (
        env.render()
    )


# picture


@pytest.mark.slow
@needs_matplotlib
@pytest.mark.parametrize(("preset", "share", "server"), STAGES)
def test_picture_has_one_size_at_any_stage_of_any_slot(preset, share, server):
    picture = rendering.picture(played(preset, share, server))
    assert picture.shape == (600, 960, 3)
    assert picture.dtype == np.uint8


@pytest.mark.slow
@needs_matplotlib
def test_picture_changes_with_every_decision():
    state = played("paper", 0)
    pictures = {rendering.picture(state).tobytes()}
    while not state.done:
        state.assign(state.device % 3)
        pictures.add(rendering.picture(state).tobytes())
    assert len(pictures) == 10


def area(picture, color):
    """How many pixels have nearly this colour."""
    return int((abs(picture.astype(int) - color).max(axis=-1) <= 4).sum())


@needs_matplotlib
def test_overload_stands_out_in_a_colour_of_its_own():
    vermilion = (0xD5, 0x5E, 0x00)
    feasible = area(rendering.picture(played("paper", 1)), vermilion)
    overloaded = area(rendering.picture(played("paper", 1, server=1)), vermilion)
    assert overloaded > feasible + 2000


@needs_matplotlib
def test_assigned_next_and_waiting_devices_are_told_apart():
    blue, orange, grey = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00), (0xC4, 0xC4, 0xC4)
    start, half, end = (rendering.picture(played("paper", share)) for share in (0, 0.5, 1))
    assert area(start, blue) < area(half, blue) < area(end, blue)
    assert area(start, grey) > area(half, grey) > area(end, grey)
    assert min(area(start, orange), area(half, orange)) > area(end, orange) + 1000


@needs_matplotlib
def test_picture_is_the_same_under_any_style_of_the_users():
    from matplotlib import style

    plain = rendering.picture(played("paper", 0.5))
    with style.context(["dark_background", {"font.size": 20, "figure.dpi": 50}]):
        styled = rendering.picture(played("paper", 0.5))
    np.testing.assert_array_equal(plain, styled)


def run_python(code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.slow
@needs_matplotlib
def test_picture_leaves_pyplot_and_the_backend_alone():
    run_python(
        "import sys, gymnasium, matplotlib\n"
        "before = matplotlib.rcParams.copy()\n"
        "env = gymnasium.make('mec_gym:MEC-Offload-v0', render_mode='rgb_array')\n"
        "env.reset()\n"
        "env.render()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert matplotlib.rcParams.copy() == before\n"
    )


def test_text_and_the_import_of_the_package_leave_matplotlib_out():
    run_python(
        "import sys, gymnasium\n"
        "env = gymnasium.make('mec_gym:MEC-Offload-v0', render_mode='ansi')\n"
        "env.reset()\n"
        "env.render()\n"
        "assert 'matplotlib' not in sys.modules\n"
    )


@pytest.mark.parametrize(
    "render", [rendering.picture, lambda state: rendering.Window(2).show(state)]
)
def test_without_matplotlib_the_error_says_what_to_install(render, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "mec-gym\[render\]"'):
        render(small())


# window


@pytest.fixture
def plt():
    """pyplot with its present backend, which comes back together with no window at the end."""
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_backend()
    yield plt
    plt.close("all")
    plt.switch_backend(before)


@pytest.fixture
def screen(plt, monkeypatch):
    """A backend of matplotlib that opens windows, on no display; it counts what they do."""
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    count = types.SimpleNamespace(opened=0, drawn=0, while_waiting=lambda: None)

    class Manager(FigureManagerBase):
        def show(self):
            count.opened += 1

    class Canvas(FigureCanvasAgg):
        manager_class = Manager

        def draw_idle(self):
            count.drawn += 1
            self.draw()

        def flush_events(self):
            count.while_waiting()

    module = types.ModuleType("screen_of_this_test")
    module.FigureCanvas, module.FigureManager = Canvas, Manager
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plt.switch_backend(f"module://{module.__name__}")
    return count


@pytest.mark.slow
def test_window_shows_the_picture_and_is_updated_in_place(screen, plt):
    window, state = rendering.Window(fps=1000), small()
    for server in (0, 0):
        window.show(state)
        shown = np.array(plt.gcf().canvas.buffer_rgba())[..., :3]
        np.testing.assert_array_equal(shown, rendering.picture(state))
        state.assign(server)
    assert (screen.opened, screen.drawn, len(plt.get_fignums())) == (1, 2, 1)


def test_two_windows_are_two_and_each_closes_alone(screen, plt):
    windows = [rendering.Window(fps=1000) for _ in range(2)]
    own = plt.figure()
    for window in windows:
        window.show(small())
    assert len(plt.get_fignums()) == 3
    for window in windows:
        window.close()
        window.close()
    assert plt.get_fignums() == [own.number]


def test_closing_a_window_that_never_opened_is_allowed():
    rendering.Window(2).close()


def test_environment_in_human_mode_keeps_to_render_fps(screen):
    env = gym.make("mec_gym:MEC-Offload-v0", render_mode="human")
    start = time.monotonic()
    env.reset(seed=0)
    env.step(0)
    assert time.monotonic() - start >= 2 / OffloadEnv.metadata["render_fps"]
    assert screen.drawn == 2
    env.close()


def test_window_that_the_user_closes_stays_closed_and_no_longer_waits(screen, plt):
    window = rendering.Window(fps=0.01)
    screen.while_waiting = lambda: plt.close("all")
    start = time.monotonic()
    window.show(small())
    window.show(small())
    assert time.monotonic() - start < 50
    assert (screen.opened, screen.drawn) == (1, 1)
    window.close()


def test_window_without_a_display_says_so_once_and_does_not_wait(plt, caplog):
    plt.switch_backend("agg")
    window = rendering.Window(fps=0.01)
    start = time.monotonic()
    with caplog.at_level(logging.WARNING):
        window.show(small())
        window.show(small())
    assert time.monotonic() - start < 50
    (message,) = caplog.messages
    assert "agg" in message
    assert 'render_mode="rgb_array"' in message
    assert not plt.get_fignums()
    window.close()


@pytest.mark.slow
@pytest.mark.usefixtures("screen")
def test_gymnasiums_checker_passes_every_render_mode_on_a_display():
    check_env(gym.make("mec_gym:MEC-Offload-v0").unwrapped)


def test_gymnasiums_checker_passes_every_render_mode_without_a_display(plt):
    plt.switch_backend("agg")
    check_env(gym.make("mec_gym:MEC-Offload-v0").unwrapped)


@pytest.mark.slow
def test_columns_beside_the_servers_have_rows_and_what_is_not_allowed_adds_inf():
    state = State(mec_gym.Scenario(**ALL_AT_ONCE).sample(1, 5)[0])
    rows = rendering.text(state).splitlines()[4:]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "local", "cloud", "drop"]
    rises = [row.split()[4] for row in rows]
    for rise, is_open in zip(rises, state.mask, strict=True):
        assert (rise == "inf") == (not is_open)
    picture = rendering.picture(state)
    state.assign(5)
    assert (rendering.picture(state) != picture).any()


PLACED = Scenario(
    num_devices=8,
    num_servers=3,
    capacity=4,
    channel=PathLossChannel(),
    local_hz=(1e9, 2e9),
    drop_penalty_s=2.0,
)
"""Devices and servers with places, and columns beside the servers."""


def shown_on_the_way(scenario, places):
    """A picture of a slot after each decision, devices going to all actions in turn."""
    state = State(scenario.sample(1, seed=2, places=places)[0])
    pictures = [rendering.picture(state)]
    while not state.done:
        state.assign(state.device % state.instance.num_actions)
        pictures.append(rendering.picture(state))
    return pictures


@pytest.mark.slow
@needs_matplotlib
def test_a_slot_with_places_is_a_map_that_changes_with_every_decision():
    mapped = shown_on_the_way(PLACED, places=True)
    assert len({picture.tobytes() for picture in mapped}) == 9
    assert {picture.shape for picture in mapped} == {(600, 960, 3)}
    assert (mapped[3] != shown_on_the_way(PLACED, places=False)[3]).any()


@needs_matplotlib
def test_on_a_map_assigned_next_waiting_and_overload_are_told_apart():
    blue, orange, grey = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00), (0xC4, 0xC4, 0xC4)
    full = PLACED.replace(capacity=1)
    start, *_, end = shown_on_the_way(full, places=True)
    assert area(start, blue) < area(end, blue)
    assert area(start, orange) > area(end, orange)
    assert area(start, grey) > area(end, grey)
    assert area(end, (0xD5, 0x5E, 0x00)) > area(start, (0xD5, 0x5E, 0x00)) + 500


@needs_matplotlib
def test_an_environment_that_renders_plays_the_same_slots_and_shows_them_on_a_map():
    plain, shown = (OffloadEnv(scenario=PLACED, render_mode=mode) for mode in (None, "rgb_array"))
    for _ in range(3):  # slots of more than one block that is drawn ahead
        first, second = plain.reset(seed=5)[0], shown.reset(seed=5)[0]
        np.testing.assert_array_equal(first, second)
    state = State(PLACED.sample(1, seed=5, places=True)[0])
    np.testing.assert_array_equal(shown.render(), rendering.picture(state))
