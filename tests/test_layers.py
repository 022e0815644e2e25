"""Layers, downward only: who imports whom, and what `import mec_gym` brings along."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mec_gym

PACKAGE = Path(mec_gym.__file__).parent
ROOT = PACKAGE.parent

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = TEXT.split("| row |")[1].split("\n\n")[0].splitlines()[2:]
LAYERS = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in reversed(TABLE)]
"""Lowest first, as docs/architecture.md has them; a new module needs a place there."""
LAYER = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = ("torch", "stable_baselines3", "matplotlib", "tensorboard", "numba", "scipy")
TRAINING_ONLY = {
    "torch",
    "stable_baselines3",
    "sb3_contrib",
    "tensorboard",
    "tyro",
    "rich",
    "tqdm",
    "ray",
}


def modules():
    """Every module of the layers, by path, with the name its layer goes by."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if name != "__init__":
            yield path, name
    for name in sorted(LAYERS[-1]):
        for path in sorted((ROOT / name).rglob("*.py")):
            yield path, name


def imports(path, everywhere=True):
    """The modules that a file imports, with their dots; those for type checkers only left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not everywhere:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        waiting += ast.iter_child_nodes(node)


def part_of(module):
    """The name that a module of ours has in the table; None for others."""
    first, _, rest = module.partition(".")
    name = rest.partition(".")[0] if first == "mec_gym" else first
    return name if first in ("mec_gym", "train", "evaluate") and name in LAYER else None


def ids(cases):
    return [str(path.relative_to(ROOT)) for path, _ in cases]


CASES = list(modules())


@pytest.mark.parametrize(("path", "name"), CASES, ids=ids(CASES))
def test_every_module_has_a_layer(path, name):
    assert name in LAYER, f"{path}: say in docs/architecture.md which row {name} is in"


@pytest.mark.parametrize(("path", "name"), CASES, ids=ids(CASES))
def test_no_module_imports_a_higher_layer(path, name):
    for module in imports(path):
        imported = part_of(module)
        assert imported in (None, name) or LAYER[imported] < LAYER[name], f"{path} imports {module}"


# Observations speak of gymnasium's spaces.
RULES = [case for case in CASES if LAYER[case[1]] < LAYER["envs"] and case[1] != "observations"]
LIGHT = [case for case in CASES if LAYER[case[1]] < LAYER["sb3"]]


@pytest.mark.parametrize(("path", "name"), RULES, ids=ids(RULES))
def test_the_model_and_the_rules_know_no_framework(path, name):
    assert not {module.partition(".")[0] for module in imports(path)} & {"gymnasium"}


@pytest.mark.parametrize(("path", "name"), LIGHT, ids=ids(LIGHT))
def test_what_is_below_sb3_knows_no_training_library_when_imported(path, name):
    at_import = {module.partition(".")[0] for module in imports(path, everywhere=False)}
    assert not at_import & (TRAINING_ONLY | {"matplotlib"})


def test_the_reading_of_imports_finds_all_kinds(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(
        "import os.path\nfrom typing import TYPE_CHECKING\nfrom mec_gym.envs import offload\n"
        "from mec_gym import sb3\nif TYPE_CHECKING:\n    import torch\n"
        "def f():\n    import scipy.special\n"
    )
    assert {"os.path", "mec_gym.envs.offload", "mec_gym.sb3", "scipy.special"} <= set(imports(path))
    assert "torch" not in set(imports(path))
    assert "scipy.special" not in set(imports(path, everywhere=False))
    modules = ("mec_gym.sb3", "mec_gym.envs.offload", "evaluate.paper", "io", "mec_gym.Scenario")
    assert [part_of(module) for module in modules] == ["sb3", "envs", "evaluate", None, None]


def loaded_by(code):
    """Which of the heavy libraries a new interpreter has loaded after `code`."""
    report = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.strip().splitlines()[-1])


def test_importing_the_package_loads_no_heavy_library():
    assert loaded_by("import mec_gym") == []


def test_playing_a_slot_loads_no_heavy_library():
    assert (
        loaded_by(
            "import gymnasium\n"
            "env = gymnasium.make('mec_gym:MEC-Offload-v0')\n"
            "env.reset(seed=0)\n"
            "for m in range(9): env.step(m % 3)\n"
        )
        == []
    )


def test_the_interpreter_does_report_what_is_loaded():
    assert loaded_by("import scipy") == ["scipy"]


UNPICKLING = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def unpickles(path):
    """What in a file would unpickle another one, line by line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            if UNPICKLING & {name.split(".")[0] for name in names}:
                yield node.lineno
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            trusting = [
                keyword
                for keyword in node.keywords
                if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
            ]
            strict = any(keyword.arg == "allow_pickle" for keyword in node.keywords)
            lax_load = called in ("np.load", "numpy.load") and not strict
            if trusting or lax_load or called in ("torch.load", "DQN.load", "LossDQN.load"):
                yield node.lineno


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import pickle", True),
        ("from cloudpickle import loads", True),
        ("torch.load(path)", True),
        ("DQN.load(path)", True),
        ("np.load(path)", True),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("json.load(file)", False),
    ],
)
def test_what_unpickles_is_told_from_what_does_not(line, found, tmp_path):
    (tmp_path / "code.py").write_text(line)
    assert bool(list(unpickles(tmp_path / "code.py"))) == found


def test_nothing_unpickles_a_file():
    found = {str(path): lines for path, _ in modules() if (lines := list(unpickles(path)))}
    assert not found
