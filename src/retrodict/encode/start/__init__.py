"""Where encoders start: at regressions of every column on its parents, in float64, without a compiled program."""
