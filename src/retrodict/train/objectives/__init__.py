"""What training minimizes: pure functions ``objective(pair, key, observed, draws)``, by name in ``named``."""
