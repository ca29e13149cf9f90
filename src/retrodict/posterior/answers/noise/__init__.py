"""Posteriors in the coordinates of the noise behind latents, in which chains pass through funnels."""
