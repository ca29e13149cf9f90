"""Programs read as templates: axes are named, relations fitted to what was read, and the result is compared with it."""
