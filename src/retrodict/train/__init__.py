"""Training an encoder: ``objectives`` say what to minimise, ``loop`` is the loop, ``progress`` what is shown."""
