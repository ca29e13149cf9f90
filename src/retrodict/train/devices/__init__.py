"""Training over several devices, of one process or of many that run the same script."""
