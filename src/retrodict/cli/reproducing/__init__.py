"""The commands of `retrodict reproduce`."""
