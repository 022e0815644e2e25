"""What `pip install mec-gym` does not bring, and the extra that does."""

from collections.abc import Iterator
from contextlib import contextmanager

EXTRAS = {
    "filelock": "cli",
    "matplotlib": "train",
    "onnx": "onnx",
    "ray": "cluster",
    "rich": "cli",
    "stable_baselines3": "train",
    "tensorboard": "train",
    "threadpoolctl": "train",
    "torch": "train",
    "tqdm": "cli",
    "tyro": "cli",
}
"""The extra that brings a library; all of them contain `cli`."""


def remedy(what: str, library: str, extra: str) -> str:
    """Return what is missing for `what`, and how to install it."""
    return f'{what} needs {library}; pip install "mec-gym[{extra}]"'


def missing(error: ModuleNotFoundError) -> str | None:
    """Return the library of `EXTRAS` that is not installed; None: what is missing is none."""
    library = (error.name or "").partition(".")[0]
    return library if library in EXTRAS else None


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Have an import within the block that fails say what brings the library.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = missing(error)
        if library is None:
            raise
        raise ModuleNotFoundError(remedy(what, library, EXTRAS[library]), name=error.name) from None
