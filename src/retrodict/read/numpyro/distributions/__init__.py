"""What the distributions of NumPyro say and draw."""
