"""What one latent follows given its parents: families of densities of a code, one a file."""
