"""Training: ``objectives`` say what to minimize, a ``source`` gives minibatches, ``loop`` is the one loop."""
