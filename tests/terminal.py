"""What a command writes to a terminal."""

import os
import pty
import subprocess


def on_a_terminal(command, columns, stderr=None):
    """Run a command on a terminal of so many columns: its exit status, and all that it writes.

    `stderr` is where its errors go, if not there.
    """
    ours, theirs = pty.openpty()
    environment = dict(os.environ, COLUMNS=str(columns), TERM="xterm-256color")
    stderr = theirs if stderr is None else stderr
    with subprocess.Popen(command, stdout=theirs, stderr=stderr, env=environment) as process:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:  # how a terminal says that nobody writes to it any more
            pass
        os.close(ours)
    return process.returncode, said.decode()
