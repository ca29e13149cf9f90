"""Training of encoders of templates, on simulations of all sizes."""
