"""What a trained encoder is good for: drawing, weighting, checking, warning, exporting, saving.

``amortization`` makes an `AmortizedPosterior` (``posterior``) of a model; ``programs`` are its compiled functions.
"""
