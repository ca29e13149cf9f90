"""Parents as patterns: written, read off a small grounding, and spread out at given sizes."""
