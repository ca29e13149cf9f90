"""The experiment of `retrodict reproduce music`: deep Markov models of music with four encoders."""
