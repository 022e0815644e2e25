"""Tables of a real place: what is read of them, and what a scenario takes from them."""
