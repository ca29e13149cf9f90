"""Better orders than greedy ones: exact search in parts, dissection, and local search under a budget of work."""
