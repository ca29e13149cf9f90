"""Learning of programs of series together with their encoders: draws, densities, bounds, filters, minibatches."""
