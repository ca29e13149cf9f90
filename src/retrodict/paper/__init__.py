"""The experiments of Webb et al. 2017, section 3, and on learned models: ``figure1``, ``figure2``, ``learned``."""
