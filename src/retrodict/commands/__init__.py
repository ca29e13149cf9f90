"""Commands that have a file of their own; ``cli.py`` registers each with one line."""
