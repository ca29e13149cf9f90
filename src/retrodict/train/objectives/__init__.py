"""What training minimises: pure functions ``objective(pair, key, observed, draws)``, by name in ``named``."""
