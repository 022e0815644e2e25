"""`python -m evaluate.paper.reproduction`: what of the paper holds, from the measurements."""

from dataclasses import dataclass
from pathlib import Path

from evaluate.paper.claims import ROUNDING, TOLERANCE, claims
from evaluate.paper.explanations import explain
from evaluate.paper.results import Results
from evaluate.paper.text import wrap
from evaluate.paper.verdicts import Verdict
from mec_gym.commands import shell
from mec_gym.commands.arguments import parse
from mec_gym.io.markdown import table


@dataclass(frozen=True)
class Arguments:
    """Write what of the paper holds, from what `python -m evaluate.paper.figures` has measured."""

    results: Path = Path("results/figures")
    """Directory of the figures and their numbers."""
    out: Path = Path("docs/reproduction.md")
    """Markdown file to write."""


def anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def markdown(results: Results) -> str:
    """Return the page; the same results give the same text."""
    study = results.study
    judged = claims(results)
    counts = "; ".join(
        f"{verdict}: {sum(claim.verdict is verdict for claim in judged)}" for verdict in Verdict
    )
    rows = [
        [
            claim.says,
            claim.measured,
            f"**{claim.verdict}**",
            f"[{claim.section}](#{anchor(claim.section)})",
        ]
        for claim in judged
    ]
    sections = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in explain(results).items())
    preview = (
        "\n\n**This is a quick preview with short trainings; it says nothing about the paper.**"
        if study.quick
        else ""
    )
    page = f"""\
<!-- Written by `make reproduction` from the measurements of `make figures`; do not edit. -->

# What of the paper holds{preview}

Tran-Dang and Kim, "DQN-based Resource Allocation and Offloading (DQN-RAO) Algorithm for Multi-User
Multi-Server MEC Network", Sec. IV, with the parameters of Sec. IV-A and Table I. What the paper
leaves open is read as `Scenario`'s defaults say. We have neither the authors' code nor their
data, so a difference may well lie in a parameter that the text does not give.

Each point is measured on the same {study.slots} held-out slots for every policy; DQN-RAO is trained
at each point for {study.episodes} episodes from {study.seeds} seeds. ± is half a 95% interval, over
slots and, for trained policies, seeds. A margin is how far a mean delay is below another's,
relative to that, with slots paired. A claim holds, or does not, where its whole interval says so at
every point; "about" is taken as within {TOLERANCE:.0%}, and for a rise, the difference of two
rounded values, as within {ROUNDING} s if that is more.

## The claims

{table(["the paper", "measured", "verdict", "why"], rows, left=4)}

Of {len(judged)} claims, {counts}.

![Fig. 3](figures/fig3.png)
![Fig. 4](figures/fig4.png)
![Fig. 5](figures/fig5.png)

{sections}
"""
    return wrap(page) + "\n"


def write(given: Arguments) -> None:
    """Write the page that the arguments ask for."""
    text = markdown(Results.read(given.results))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(given.out)


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    prog = "python -m evaluate.paper.reproduction"
    return shell.run(lambda: write(parse(Arguments, arguments, prog)))


if __name__ == "__main__":
    shell.start(main)
