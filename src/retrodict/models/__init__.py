"""Models that can be simulated and scored: the interface, and the two kinds with closed forms."""
