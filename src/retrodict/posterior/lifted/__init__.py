"""Posteriors of templates: trained once, for all sizes in a range."""
