"""Pieces done on the machines of a Ray cluster, which does again what a lost one was doing."""

import hashlib
import importlib
import logging
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, Self

import mec_gym
from mec_gym.io import extras
from mec_gym.io.messages import one_line
from mec_gym.io.progress import remark
from mec_gym.jobs.pieces import Outcome, Piece

MOST_RETRIES = 8
"""A piece whose worker was lost more often has failed: it may be what has it killed."""

_AT_ONCE = 1000
"""Pieces that Ray is given; the others wait here."""

_ANSWER_SECONDS = 10.0


class OnRay:
    """A Ray cluster that runs already; one CPU a piece.

    Args:
        address: "auto" for the one that this machine is part of, or "host:port" of its head.
        storage: directory that all its machines share, in which unfinished pieces are kept; None:
            what a lost machine was doing begins anew.

    Raises:
        ValueError: the address is none, or nothing answers there.
        ModuleNotFoundError: ray is not installed.
    """

    def __init__(self, address: str, storage: Path | None = None) -> None:
        ray_itself()  # said before any work
        _check_address(address)
        self._address, self._storage = address, storage and storage.resolve()
        self.count = 1

    @property
    def where(self) -> str:
        """What they are, for people."""
        return f"{self.count} CPUs of Ray"

    def unfinished(self, local: Path) -> Path | None:
        """Return where unfinished pieces are kept: in the storage, if there is one."""
        return self._storage

    def __enter__(self) -> Self:
        ray = ray_itself()
        before = signal.getsignal(signal.SIGTERM)
        self._ours = not ray.is_initialized()
        try:
            if self._ours:
                ray.init(self._address, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # ray has no one class for what keeps it from connecting
            raise ValueError(
                f"ray: no cluster at {self._address!r}: {one_line(error, 200)}; start one with"
                " `ray start --head`, and give its host:port"
            ) from None
        finally:
            signal.signal(signal.SIGTERM, before)  # ray takes it
        try:
            self._refuse_others()
            self.count = max(1, int(ray.cluster_resources().get("CPU", 1)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if self._ours:
            ray_itself().shutdown()

    def outcomes(self, pieces: Sequence[Piece], unfinished: Path | None) -> Generator[Outcome]:
        """Do pieces, and give what became of each, the first that is ready first."""
        ray, affinity = ray_itself(), _affinity()
        task = ray.remote(num_cpus=1, max_retries=MOST_RETRIES)(_work())
        place = None if unfinished is None else str(unfinished)
        vetted = cycle(self._vetted)
        refused = Counter[str]()
        waiting, running = list(reversed(pieces)), dict[Any, Piece]()
        try:
            while waiting or running:
                while waiting and len(running) < _AT_ONCE:
                    piece = waiting.pop()
                    fields = {name: getattr(piece, name) for name in Piece.__dataclass_fields__}
                    where = {}
                    if refused[piece.name]:  # by a machine that joined after the others were asked
                        where["scheduling_strategy"] = affinity(next(vetted), soft=True)
                    running[task.options(**where).remote(_expected(), fields, place)] = piece
                (ready, *_), _ = ray.wait(list(running))
                piece = running.pop(ready)
                try:
                    result, failure, seconds, attempt, fits = ray.get(ready)
                except ray.exceptions.RayError as error:
                    yield Outcome(piece, None, f"{type(error).__name__}: {one_line(error, 200)}")
                    continue
                if not fits and not refused:
                    remark(f"{failure}; a piece that it gets is done elsewhere")
                if not fits and refused[piece.name] < MOST_RETRIES:
                    refused[piece.name] += 1
                    waiting.append(piece)
                    continue
                yield Outcome(piece, result, failure, seconds, attempt + 1)
        finally:
            for ready in running:
                ray.cancel(ready, force=True)

    def _refuse_others(self) -> None:
        """Ask every machine for its mec_gym.

        Raises:
            ValueError: one has another than this one, or none; the message names it.
        """
        ray, affinity = ray_itself(), _affinity()
        ask = ray.remote(num_cpus=0, max_retries=MOST_RETRIES)(_version())
        nodes = [node for node in ray.nodes() if node["Alive"]]
        asked = [
            ask.options(scheduling_strategy=affinity(node["NodeID"], soft=False)).remote(
                _expected()
            )
            for node in nodes
        ]
        self._vetted: list[str] = []
        for node, answer in zip(nodes, asked, strict=True):
            try:
                refusal = ray.get(answer)
            except ray.exceptions.RayTaskError as error:
                refusal = one_line(error, 200)
            except ray.exceptions.RayError:  # it is lost, and Ray did not know yet
                continue
            self._vetted.append(node["NodeID"])
            if refusal:
                raise ValueError(
                    f"ray: machine {node['NodeManagerHostname']} ({node['NodeManagerAddress']}):"
                    f" {refusal}; install there what is here, or stop ray there"
                )


def ray_itself() -> Any:
    """Return ray.

    Raises:
        ModuleNotFoundError: it is not installed; the message has the remedy.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with extras.needed("--ray"):
        return importlib.import_module("ray")


def _affinity() -> Any:
    """Return what has Ray run something on one machine."""
    return importlib.import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy


def _check_address(address: str) -> None:
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ValueError(f"ray: {address!r} is no address; give auto, or host:port of the head")
    try:
        socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"ray: nothing answers at {address}: {one_line(error)}; give the address that"
            " `ray start --head` printed"
        ) from None


@cache
def code_digest() -> str:
    """Return the SHA-256 of the package's sources."""
    package = Path(mec_gym.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def refusal(expected: tuple[str, str]) -> str:
    """Return why this process is not to work for another with a version and code; "": it is."""
    version, code = expected
    if mec_gym.__version__ != version:
        return f"its mec_gym is {mec_gym.__version__}, here it is {version}"
    if code_digest() != code:
        return f"its mec_gym is {version} as here, but its sources differ"
    return ""


def _expected() -> tuple[str, str]:
    return mec_gym.__version__, code_digest()


# Ray sends a function within a function as it is; one of a module it would look for on the other
# side, where the module may be missing or another.


def _version() -> Callable[[tuple[str, str]], str]:
    def version(expected: tuple[str, str]) -> str:
        try:
            from mec_gym.jobs.on_ray import refusal
        except ImportError:
            try:
                import mec_gym
            except ImportError:
                return "it has no mec_gym"
            return f"its mec_gym is {mec_gym.__version__}, here it is {expected[0]}"
        return refusal(expected)

    return version


def _work() -> Callable[..., tuple[bytes | None, str, float, int, bool]]:
    check = _version()

    def work(
        expected: tuple[str, str], fields: dict[str, Any], unfinished: str | None
    ) -> tuple[bytes | None, str, float, int, bool]:
        import importlib

        ray: Any = importlib.import_module("ray")
        # Ray tells this nowhere else without its dashboard.
        attempt = ray._private.worker.global_worker.core_worker.get_current_task_attempt_number()
        refused = check(expected)
        if refused:
            said = (
                f"machine {ray.util.get_node_ip_address()}: {refused}; install there what is here"
            )
            return None, said, 0.0, attempt, False
        from pathlib import Path

        from mec_gym.jobs.pieces import Piece, do

        outcome = do(Piece(**fields), Path(unfinished) if unfinished else None)
        return outcome.result, outcome.failure, outcome.seconds, attempt, True

    return work
