"""Stored simulations, wherever they lie."""
