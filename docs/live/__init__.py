"""The live page: what runs in the browser, and what brings it there."""
