"""One network for any evidence, beside exact sums and what else the same budget buys."""
