"""TensorBoard's pages as a reader sees them, in headless Chromium.

`MEC_GYM_PICTURE=docs/figures/tensorboard.png` with `-k glance` makes the documents' picture: of the
whole preset, which takes half a minute.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import browser
import pytest

from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.guide import AT_A_GLANCE, SUB_RUNS
from mec_gym.sb3.run.training import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no Chromium"),
]

PICTURE = os.environ.get("MEC_GYM_PICTURE")
SHORT = {"episodes": 120, "heldout_slots": 50, "heldout_episodes": 30}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a TensorBoard shows two runs of two presets."""
    runs = tmp_path_factory.mktemp("runs")
    train(TrainConfig.preset("regret", **{} if PICTURE else SHORT), runs / "regret", progress=False)
    if not PICTURE:
        train(TrainConfig.preset("paper", **SHORT), runs / "paper", progress=False)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(runs), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        lines = (line.decode() for line in process.stderr)
        yield next(found[0] for line in lines if (found := re.search(r"http://[\d.:]+/", line)))
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    directory = tmp_path_factory.mktemp("browser")
    with browser.page(directory, width=1200, height=690) as made:
        yield made


def get(address, path):
    with urllib.request.urlopen(f"{address}{path}") as answer:
        return json.load(answer)


def click(page, selector, words=""):
    """Click what a selector finds, in elements of elements' own too, where it has the words."""
    page.run(f"""(() => {{
      const within = root => [...root.querySelectorAll("*")].flatMap(
        one => one.shadowRoot ? [one, ...within(one.shadowRoot)] : [one]);
      within(document).filter(one => one.matches("{selector}")
        && one.textContent.includes("{words}")).forEach(one => one.click());
    }})()""")


def test_the_central_picture_names_the_network_the_baselines_and_the_optimum(
    address, page, tmp_path
):
    """At a glance: two cards, and under each the colour, name and value of every curve."""
    page.open(address + AT_A_GLANCE)
    runs = ["regret", *(f"regret/{name}" for name in SUB_RUNS)]
    runs += [] if PICTURE else ["paper", *(f"paper/{name}" for name in SUB_RUNS)]
    text = page.wait_for("heldout /average_delay_s", "heldout /gap", "Value", *runs)
    assert "Tags matching filter 2 cards" in text
    assert "episode /reward" not in text
    click(page, "button", "Settings")  # which it closes
    click(page, "button.expand-button")
    page.wait_for("heldout /gap", *runs)
    legends = page.run("""[...document.querySelectorAll("scalar-card-data-table")]
      .map(table => table.innerText.split("\\n").map(cell => cell.trim()))""")
    assert len(legends) == 2
    for legend in legends:
        assert set(runs) <= set(legend)
    page.picture(Path(PICTURE or tmp_path / "picture.png"))


def test_no_page_is_left_without_a_legend(address, page):
    plugins = get(address, "data/plugins_listing")
    assert plugins["timeseries"]["enabled"]
    assert plugins["hparams"]["enabled"]
    assert not plugins["custom_scalars"]["enabled"]


@pytest.mark.skipif(PICTURE is not None, reason="for the picture there is one run")
def test_all_runs_stand_in_one_table_of_hparams_by_the_same_metrics(address, page):
    page.open("about:blank")
    page.open(f"{address}#hparams")
    text = page.wait_for("TABLE VIEW", "heldout/gap", "Trial ID", "paper", "regret")
    assert "heldout_delay_s" not in text
    click(page, "paper-tab", "PARALLEL")
    page.wait_for("Color by", "heldout/average_delay_s")
    lines = """(() => {
      const within = root => [...root.querySelectorAll("*")].flatMap(
        one => one.shadowRoot ? [one, ...within(one.shadowRoot)] : [one]);
      return within(document).filter(one => one.matches(".foreground path")).length;
    })()"""
    deadline = time.monotonic() + 30
    while page.run(lines) != 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert page.run(lines) == 2


def test_the_guide_is_the_first_text_and_links_to_the_central_picture(address, page):
    page.open("about:blank")
    page.open(f"{address}#text")
    text = page.wait_for("guide/text_summary", "settings", "Devices are assigned to servers")
    assert text.index("guide/text_summary") < text.index("settings")
    click(page, "a", "central picture")
    page.wait_for("Tags matching filter 2 cards", "heldout /gap")


def test_loads_are_drawn_at_integers_and_pictures_at_doublings_and_the_end(address):
    pictures = get(address, "data/plugin/images/images?run=regret&tag=heldout/first_slot&sample=0")
    steps = [picture["step"] // 9 for picture in pictures]
    whole = TrainConfig.preset("regret").episodes if PICTURE else SHORT["episodes"]
    assert steps[0] == 0
    assert whole <= steps[-1] <= whole + 2
    assert len(steps) == (5 if PICTURE else 4)  # 0, 30, 60, 120 here: an eighth is no evaluation
    histograms = get(
        address, "data/plugin/histograms/histograms?run=regret&tag=heldout_load/server_0"
    )
    for _, _, buckets in histograms:
        assert len(buckets) == 30
        assert buckets[0][:2] == histograms[0][2][0][:2]
        for left, right, count in buckets:
            middle = (left + right) / 2
            assert count == 0 or middle == pytest.approx(round(middle), abs=1e-9)
        assert sum(count for *_, count in buckets) == (500 if PICTURE else 50)
