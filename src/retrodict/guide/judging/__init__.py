"""Guides that others wrote: what they depend on, and what they lack."""
