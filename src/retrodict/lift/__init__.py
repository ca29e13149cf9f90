"""One inverse for all sizes: templates of models with plates and time, loop nests, parents as patterns.

A template is grounded at small sizes, inverted there, and the parents are read off as patterns. That these hold at all
sizes are the theorems of `docs/templates.md`.
"""
