"""Training for `amortize`: untrained encoders, plans, the units of the posterior, and what is left for networks."""
