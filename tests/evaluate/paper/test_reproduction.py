"""`docs/reproduction.md` follows the numbers, and the same numbers give the same page."""

from made_up import made_up_results

from evaluate.paper import nearest, reproduction
from evaluate.paper.claims import claims
from evaluate.paper.measurements import write_rows
from evaluate.paper.reproduction import anchor, markdown
from evaluate.paper.stated import DQN_RAO


def test_the_page_is_the_same_each_time_and_its_links_lead_to_its_sections(as_stated):
    page = markdown(as_stated)
    assert page == markdown(as_stated)
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    for claim in claims(as_stated):
        assert claim.section in headings
        assert f"(#{anchor(claim.section)})" in page
    assert f"claims, holds: {len(claims(as_stated))}; does not hold: 0; not settled: 0." in page


def test_the_text_says_what_the_numbers_say(as_stated, readings):
    page = markdown(as_stated)
    shared = nearest.with_changes(readings, bandwidth="B/M each")
    sides = ("density, W/Hz", "one deployment", "Eq. (20)", "as it is")
    assert (shared.noise, shared.servers, shared.shares, shared.goa) == sides
    plain = page.replace("\n", " ")
    assert "**0.729 s**" in page
    assert "DQN-RAO's 0.60 s and GOA's 0.70 s lie below it" in plain
    assert "6.1 GHz" in page  # 5 GHz x 0.7286 / 0.60
    assert "computes for 0.23 s and transmits for 0.32 s" in plain
    assert "did not learn" not in page
    alike = {DQN_RAO: 0.6, "goa": 0.7, "roa": 0.8}
    blind = markdown(made_up_results(readings, alike, alike, feasible=0.1)).replace("\n", " ")
    assert "did not learn to keep to capacity: it does in 10.0% of slots" in blind
    assert "quick preview" not in page
    assert "quick preview" in markdown(made_up_results(readings, alike, alike, quick=True))


def test_the_command_writes_the_page_and_names_what_is_missing(as_stated, tmp_path, capsys):
    out = tmp_path / "docs" / "page.md"
    flags = ["--results", str(tmp_path), "--out", str(out)]
    assert reproduction.main(flags) == 2
    assert "no finished figures in it; run `make figures` first" in capsys.readouterr().err
    (tmp_path / "study.toml").write_text(as_stated.study.to_toml())
    write_rows(tmp_path / "fig3.csv", as_stated.loss)
    tables = {"fig4": "figure_4", "fig5": "figure_5", "scenarios": "scenarios"}
    for name, field in tables.items():
        table = getattr(as_stated, field)
        write_rows(tmp_path / f"{name}.csv", table.rows)
        write_rows(tmp_path / f"{name}-margins.csv", table.margins)
    assert reproduction.main(flags) == 2
    assert "readings.csv" in capsys.readouterr().err
    assert not out.exists()
    write_rows(tmp_path / "readings.csv", as_stated.readings)
    assert reproduction.main(flags) == 0
    assert out.read_text() == markdown(as_stated)
