"""The experiment of `retrodict reproduce vae`: what the structure of an encoder is worth where the model is learned."""
