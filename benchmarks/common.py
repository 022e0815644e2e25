"""What every benchmark does with its figures: print them as they come, and write them as JSON."""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

Figures = Callable[[], dict[str, float]]


def main(doc: str | None, benchmarks: Mapping[str, Figures]) -> None:
    """Run benchmarks, by title, from the command line."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    given = parser.parse_args()
    measured: dict[str, float] = {}
    for title, figures in benchmarks.items():
        print(f"\n{title}")
        part = {name: float(value) for name, value in figures().items()}
        width = max(map(len, part))
        for name, value in part.items():
            print(f"  {name:<{width}}  {value:.4g}", flush=True)
        measured |= part
    if given.json is not None:
        given.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
