"""One observation answered as far as is needed: weights, a proposal fitted to it, Markov chains."""
