"""The uses of a trained encoder: drawing, weighting, checking, warning, exporting, saving.

``amortization`` makes an `AmortizedPosterior` (``posterior``) of a model; ``programs`` are its compiled functions.
"""
