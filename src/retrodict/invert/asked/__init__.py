"""Any part of a model given any other: what is hidden is integrated out first."""
