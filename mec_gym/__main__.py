"""`mec-gym COMMAND ...`, or `python -m mec_gym COMMAND ...`; without a command it lists them."""

import os
import sys

from mec_gym import __version__
from mec_gym.commands import shell
from mec_gym.io.messages import none_called

USAGE = "\n".join(
    [
        "usage: {launcher} COMMAND ...",
        "",
        *(f"  {name:<12}{command.summary}" for name, command in shell.COMMANDS.items()),
        "",
        "`{launcher} COMMAND --help` says what each takes, `{launcher} --version`",
        "which version this is.",
    ]
)


def main(arguments: list[str], launcher: str = "mec-gym") -> int:
    """Run the command that the arguments begin with, and return its exit status."""
    name, *rest = arguments or ["--help"]
    if name in shell.COMMANDS:
        return shell.main(name, rest, launcher)
    if name in ("-h", "--help", "help"):
        print(USAGE.format(launcher=launcher))
        return 0
    if name == "--version":
        print(f"mec_gym {__version__}")
        return 0
    shell.complain(f"command: {none_called(name, shell.COMMANDS)}")
    return 2


def script() -> None:
    """Start `mec-gym`; a user's own modules are found where they stand, as by `python -m`."""
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    shell.start(main)


if __name__ == "__main__":
    shell.start(lambda arguments: main(arguments, "python -m mec_gym"))
