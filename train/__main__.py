"""`python -m train PRESET [--field value ...]`: train DQN-RAO, then say how well it does."""

from functools import partial

from mec_gym.commands import shell

main = partial(shell.main, "train", launcher="python -m")

if __name__ == "__main__":
    shell.start(main)
