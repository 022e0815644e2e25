"""The study of the paper: its figures drawn anew, and what of its claims holds."""
