"""The objectives of training: pure functions ``objective(pair, key, observed, draws)``, by name in ``named``."""
