"""What Sphinx is taught to build this site."""
