"""Training on simulations that are stored, and may be larger than memory."""
