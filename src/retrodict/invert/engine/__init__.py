"""Elimination orders by fill and by degree: arrays in, an order out."""
