"""Programs and commands of the documents, run in this process, which has all imported already."""

import runpy
import sys
import types
import warnings


def program(code, monkeypatch):
    """Run a program as `python -c` would."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)  # where its classes are looked for
    exec(compile(code, "<string>", "exec"), vars(module))


def command(words, monkeypatch):
    """Run `python -m ...` and return its exit status."""
    assert words[:2] == ["python", "-m"]
    with monkeypatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sys, "argv", words[2:])
        # As this package is here.
        warnings.filterwarnings("ignore", ".* found in sys.modules after import", RuntimeWarning)
        try:
            runpy.run_module(words[2], run_name="__main__", alter_sys=True)
        except SystemExit as done:
            return done.code or 0
    return 0
