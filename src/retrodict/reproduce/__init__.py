"""The experiments of Webb et al. 2017, section 3: ``entries`` take part, ``units`` train and measure them."""
