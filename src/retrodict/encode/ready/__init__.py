"""Summaries that are ready made."""
