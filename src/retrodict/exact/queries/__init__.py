"""Exact answers to any question of a network of tables or of lines."""
