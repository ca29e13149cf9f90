"""`AutoFaithful` beside the guides of NumPyro on the programs of the benchmark."""
