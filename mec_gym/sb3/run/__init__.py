"""A training run: its settings, the training itself, curves, checkpoints and directory."""
