"""Learning what work left over costs later."""
