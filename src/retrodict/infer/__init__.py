"""What is done with a trained encoder: drawing in blocks, weighting, checking, warning, exporting, saving."""
