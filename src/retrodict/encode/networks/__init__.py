"""Networks that give the numbers of those densities: block-sparse and dense, one for all latents or one a latent."""
