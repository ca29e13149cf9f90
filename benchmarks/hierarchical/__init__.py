"""Posteriors of templates beside exact ones, inside the trained sizes and at twice the largest."""
