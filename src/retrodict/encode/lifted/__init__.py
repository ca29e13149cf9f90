"""Encoders of lifted inverses: weights shared over all instances of a latent, at any sizes."""
