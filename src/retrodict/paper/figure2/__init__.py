"""Figure 2 of the paper: ten encoders on binary trees, as a campaign that goes on where it was stopped."""
