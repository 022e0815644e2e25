"""The command `python -m evaluate`."""
