"""Files, digests, settings and messages: what touches the outside, and nothing about MEC."""
