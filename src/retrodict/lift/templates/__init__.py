"""What is repeated and along what: variables with dims, relations between them, and what they mean at given sizes."""
