"""Build PufferLib's CartPole, which is written in C, into the environment that runs this.

PufferLib's own build fetches more than its source distribution has, and its pins exclude today's
Gymnasium and NumPy. So its Python files are copied and this one extension is compiled, against the
raylib that the distribution brings. For Linux on x86-64, with a C compiler.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np

VERSION = "3.0.0"


def source(scratch: Path) -> Path:
    """Return the unpacked source distribution.

    pip unpacks it to ask for its metadata, which it cannot say without fetching; --no-clean keeps
    what was unpacked.
    """
    command = [sys.executable, "-m", "pip", "download", f"pufferlib=={VERSION}", "--no-deps"]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--no-clean", "--dest", scratch]
    without_fetching = os.environ | {"TMPDIR": str(scratch), "NO_OCEAN": "1"}
    done = subprocess.run(command, env=without_fetching, capture_output=True, text=True)
    found = next(scratch.glob("*/pufferlib_*/pufferlib"), None)
    if found is None:
        raise FileNotFoundError(f"no source of pufferlib {VERSION}: {done.stderr[-300:]}")
    return found.parent


def build(unpacked: Path) -> None:
    """Compile the extension, and copy the package to where modules are found."""
    raylib = unpacked / "raylib-5.5_linux_amd64"
    place = unpacked / "pufferlib" / "ocean" / "cartpole"
    subprocess.run(
        [
            "cc",
            *("-shared", "-fPIC", "-O2", "-flto", "-fwrapv", "-DPLATFORM_DESKTOP", "-w"),
            *(f"-I{path}" for path in (sysconfig.get_path("include"), np.get_include())),
            f"-I{raylib / 'include'}",
            str(place / "binding.c"),
            str(raylib / "lib" / "libraylib.a"),
            *("-lm", "-lpthread", "-ldl"),
            *("-o", str(place / f"binding{sysconfig.get_config_var('EXT_SUFFIX')}")),
        ],
        check=True,
    )
    shutil.copytree(
        unpacked / "pufferlib",
        Path(sysconfig.get_path("purelib")) / "pufferlib",
        ignore=shutil.ignore_patterns("resources"),
        dirs_exist_ok=True,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        build(source(Path(directory)))
