"""A comparison in shards: what it plays and what it finds, part of the slots by part, as pieces.

Put together, they are byte for byte what `comparison.play` gives. So a policy is played in shards
only where a slot's assignment does not hang on the slots beside it; any other in one piece.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import jobs, plausibility
from mec_gym.benchmark import comparison
from mec_gym.benchmark.comparison import Reference, Result, find_reference
from mec_gym.benchmark.models import MADE_OF, made_of
from mec_gym.instance import Instance
from mec_gym.io import names
from mec_gym.io.files import read_npz
from mec_gym.jobs.pieces import Piece
from mec_gym.jobs.running import Estimate, Workers
from mec_gym.policies import POLICIES, Informed, Policy, get
from mec_gym.policies.trained import TrainedPolicy, files_of, from_files
from mec_gym.scenario import Scenario

SHARDS = 32
"""The most that slots are cut into, however many workers there are: the same cut, the same work."""

_ALONE = {place for name, place in POLICIES.items() if name != "roa"}
"""Policies of ours that look at each slot alone; ROA draws for all."""

_SLOTS = "slots.npz"


@dataclass(frozen=True)
class Place:
    """Where shards are done and kept.

    Attributes:
        folder: of their results.
        workers: what does them.
    """

    folder: Path
    workers: Workers


def cut(slots: Instance) -> list[slice]:
    """Return the shards of slots."""
    size = -(-len(slots) // SHARDS)
    return [slice(at, min(at + size, len(slots))) for at in range(0, len(slots), size)]


def reference_pieces(slots: Instance, time_limit: float, title: str = "") -> list[Piece]:
    """Return the pieces that find what no assignment of slots undercuts."""
    return [
        Piece(
            f"{_before(title)}optimum of slots {part.start}-{part.stop - 1}",
            f"{__name__}:find_shard",
            {"time_limit": time_limit},
            {_SLOTS: _packed(slots[part].arrays())},
            weight=float(len(slots[part])),
        )
        for part in cut(slots)
    ]


def policy_pieces(
    name: str,
    policy: Policy,
    slots: Instance,
    seed: int,
    title: str = "",
) -> list[Piece] | None:
    """Return the pieces that play a policy on slots; None: it has no name to be found by."""
    made = made_of(policy)
    inner: Any = getattr(policy, "policy", None) if made else policy
    settings: dict[str, Any] = {"name": name, "seed": seed, "made": made}
    files: dict[str, bytes] = {}
    if isinstance(inner, Informed):
        settings["scenario"], inner = inner.scenario.source, inner.policy
    if isinstance(inner, TrainedPolicy):
        files, alone = files_of(inner), inner.scores_servers
    else:
        try:
            settings["policy"] = names.name_of(inner, {}, "policy")
        except ValueError:
            return None
        alone = settings["policy"] in _ALONE
    return [
        Piece(
            f"{_before(title)}{name} on slots {part.start}-{min(part.stop, len(slots)) - 1}",
            f"{__name__}:play_shard",
            settings,
            files | {_SLOTS: _packed(slots[part].arrays())},
            weight=float(len(slots[part])),
        )
        for part in (cut(slots) if alone else [slice(0, len(slots))])
    ]


def find_shard(settings: Mapping[str, Any], inputs: Mapping[str, bytes], _: Path) -> bytes:
    """Return the reference of a shard, packed."""
    found = find_reference(_slots(inputs), settings["time_limit"])
    return _packed({"cost": found.cost, "proven": found.proven})


def play_shard(settings: Mapping[str, Any], inputs: Mapping[str, bytes], _: Path) -> bytes:
    """Return what a policy makes of a shard, packed."""
    with plausibility.quiet():
        scenario = Scenario.of(settings["scenario"]) if "scenario" in settings else None
    policy = get(settings["policy"], scenario) if "policy" in settings else from_files(inputs)
    played = MADE_OF[settings["made"]](policy) if settings["made"] else policy
    name, seed = settings["name"], settings["seed"]
    return _packed({"assignment": comparison.assigned(played, name, _slots(inputs), seed)})


@dataclass(frozen=True)
class Comparison:
    """A comparison to be made in shards.

    Attributes:
        policies: as `comparison.play` takes them.
        slots: with one leading dimension.
        seed: for policies that draw.
        reference: of the slots; or the seconds to find that of one.
        title: before the names of its pieces, where there are several comparisons.
        imports: modules of a user's own that the policies name.
    """

    policies: Mapping[str, Sequence[Policy]]
    slots: Instance
    seed: int
    reference: Reference | float
    title: str = ""
    imports: tuple[str, ...] = ()

    @cached_property
    def _finding(self) -> list[Piece]:
        if isinstance(self.reference, Reference):
            return []
        return reference_pieces(self.slots, self.reference, self.title)

    @cached_property
    def _playing(self) -> dict[tuple[str, int], list[Piece] | None]:
        return {
            (name, number): policy_pieces(
                name if len(row) == 1 else f"{name} {number + 1}",
                policy,
                self.slots,
                self.seed,
                self.title,
            )
            for name, row in self.policies.items()
            for number, policy in enumerate(row)
        }

    def here(self) -> list[Result]:
        """Make it in this process."""
        reference = self.reference
        if not isinstance(reference, Reference):
            reference = find_reference(self.slots, reference)
        return comparison.compare(self.policies, self.slots, self.seed, reference)

    @property
    def pieces(self) -> Iterator[Piece]:
        """All pieces of it; what cannot be found by a name is none."""
        yield from self._finding
        for pieces in self._playing.values():
            yield from (replace(piece, imports=self.imports) for piece in pieces or [])

    def results(self, store: jobs.Results) -> list[Result]:
        """Return the results, once the pieces are finished, with the time of a decision here."""

        def put_together(name: str, number: int, policy: Policy) -> Policy:
            pieces = self._playing[name, number]
            if pieces is None:
                return policy
            parts = [_read(store, piece)["assignment"] for piece in pieces]
            found = np.concatenate(parts)
            return lambda *_: found

        players = {
            name: [put_together(name, number, policy) for number, policy in enumerate(row)]
            for name, row in self.policies.items()
        }
        reference = self.reference
        if not isinstance(reference, Reference):
            reference = put_reference_together(store, self._finding)
        played = comparison.play(players, self.slots, self.seed, reference)
        return comparison.timed(played, self.policies, self.slots, self.seed)


def compare(comparisons: Sequence[Comparison], place: Place) -> list[list[Result]]:
    """Make comparisons in shards, all side by side; a list of results for each.

    Raises:
        ValueError: a piece failed, such as one of a policy that cannot play the slots.
    """
    store = jobs.Results(place.folder)
    pieces = [piece for each in comparisons for piece in each.pieces]
    do(pieces, place)
    return [each.results(store) for each in comparisons]


def estimate(comparisons: Sequence[Comparison], place: Place) -> Estimate:
    """Return what comparisons would cost; see `jobs.estimate`."""
    pieces = [piece for each in comparisons for piece in each.pieces]
    store = jobs.Results(place.folder)
    return jobs.estimate(pieces, store, place.workers, unit="shard", field="keep")


def do(pieces: Sequence[Piece], place: Place) -> jobs.Results:
    """Do pieces, and return where their results are.

    Raises:
        ValueError: one failed; the message names it.
    """
    store = jobs.Results(place.folder)
    failed = jobs.run(pieces, store, place.workers, unit="shard", field="keep")
    for name, reason in failed.items():
        others = f" ({len(failed)} shards failed)" if len(failed) > 1 else ""
        raise ValueError(f"{name}: {reason.removeprefix('ValueError: ')}{others}")
    return store


def put_reference_together(store: jobs.Results, pieces: Sequence[Piece]) -> Reference:
    """Return the reference whose shards are finished."""
    found = [_read(store, piece) for piece in pieces]
    return Reference(
        np.concatenate([part["cost"] for part in found]),
        np.concatenate([part["proven"] for part in found]),
    )


def _before(title: str) -> str:
    return f"{title}: " if title else ""


def _slots(inputs: Mapping[str, bytes]) -> Instance:
    return Instance(**read_npz(inputs[_SLOTS]))


def _read(store: jobs.Results, piece: Piece) -> dict[str, NDArray[Any]]:
    return read_npz(store.read(piece))


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()
