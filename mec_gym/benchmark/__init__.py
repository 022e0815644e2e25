"""Comparing policies on the same slots."""
