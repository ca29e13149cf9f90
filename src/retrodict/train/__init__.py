"""Training an encoder: ``objectives`` say what to minimise, ``fit`` is the one loop, ``progress`` what is shown."""
