"""NumPyro programs as models: ``reader`` is the door, ``sites`` and ``structure`` what it finds in one."""
