"""Planning a network: which policy to run, how much to build, which sites to equip."""
