"""Solvers of whole slots: local search, and the optimum with its proof."""
