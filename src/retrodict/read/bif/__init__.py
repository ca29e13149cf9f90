"""BIF files: the syntax, and the network that it describes."""
