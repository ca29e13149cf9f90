"""Learning a generative model and its encoder together: auto-encoding variational inference."""
