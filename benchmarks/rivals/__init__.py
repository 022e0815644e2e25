"""Other people's environments and learners, run in an environment of their own."""
