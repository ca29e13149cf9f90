"""Models that people bring, one reader a file; each imports its framework when it is called."""
