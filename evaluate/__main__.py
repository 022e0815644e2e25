"""`python -m evaluate`: compare policies and trained runs on the same slots."""

from functools import partial

from mec_gym.commands import shell

main = partial(shell.main, "evaluate", launcher="python -m")

if __name__ == "__main__":
    shell.start(main)
