"""All that is known of an encoder before a tensor is made: inputs as columns, what depends on what, the cost."""
