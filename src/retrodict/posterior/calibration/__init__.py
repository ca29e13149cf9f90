"""Simulation-based calibration: ranks, interval coverage and TARP, their tests and figures."""
