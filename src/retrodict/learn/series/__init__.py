"""Programs of series learned from data, and what is done with them."""
