"""Conditionals that have a closed form, found by proof: nothing here is learned."""
