"""The programs of NumPyro's examples: which are read and guided, and how good their guides are."""
