"""Programs that have a density and cannot be simulated: masks, factors, improper priors, scales."""
