"""Networks that answer for every set of evidence: what they see, where they start, and their training."""
