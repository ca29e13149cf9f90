"""Readers: from the programs, files and graphs that users have to the structure of a model."""
