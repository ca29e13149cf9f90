"""The experiments of Webb et al. 2017, section 3: ``encoders`` compared, ``figure2`` trains and measures them."""
