"""What a posterior hands to programs of others: pure functions for a compiled program of the user's own."""
