"""Named programs with parameters to learn, Equinox modules that describe one observation to NumPyro."""
