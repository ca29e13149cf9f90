"""One network for any evidence: each variable given exactly what its inverse of this evidence makes its parents."""
