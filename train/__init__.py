"""The command `python -m train`."""
