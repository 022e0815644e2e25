"""Progress: a bar on a terminal, a line for each remark anywhere else."""

import io
import re

import pytest

from mec_gym.io.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def work(monkeypatch, stderr, **options):
    """Do 300 pieces of work, with a remark at the beginning and at each hundred."""
    monkeypatch.setattr("sys.stderr", stderr)
    with progress(500, "episode", **options) as bar:
        bar.set_postfix_str("gap 9%")
        for piece in range(300):
            bar.update()
            if piece % 100 == 99:
                bar.set_postfix_str(f"gap {piece}%")
    return stderr.getvalue()


def test_in_a_file_each_remark_is_one_line_with_how_far_it_is(monkeypatch):
    lines = re.sub(r"\d+ s:", "0 s:", work(monkeypatch, io.StringIO(), done=200)).splitlines()
    assert lines == [
        "episode 200 of 500, 0 s: gap 9%",
        "episode 300 of 500, 0 s: gap 99%",
        "episode 400 of 500, 0 s: gap 199%",
        "episode 500 of 500, 0 s: gap 299%",
    ]


def test_on_a_terminal_it_is_a_bar(monkeypatch):
    pytest.importorskip("tqdm")
    said = work(monkeypatch, Terminal())
    assert "\r" in said
    assert "300/500" in said
    assert "gap 299%" in said


@pytest.mark.parametrize("stderr", [io.StringIO(), Terminal()])
def test_where_it_is_not_to_be_shown_nothing_is(monkeypatch, stderr):
    pytest.importorskip("tqdm")
    assert work(monkeypatch, stderr, show=False) == ""
