"""Posteriors from stored runs: a model of three levels, and the tasks of sbibm."""
