"""In which order instances are drawn: loop nests that mean a sampling order at any sizes."""
