"""Files of our own and from outside: read with limits, written as a whole or not at all; nothing in them can run."""
