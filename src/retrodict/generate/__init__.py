"""From the structure of an encoder to that of a generative model: the algorithm in reverse."""
