"""Training an encoder: ``objectives`` say what to minimize, ``loop`` is the loop, ``progress`` what is shown."""
