"""The pages, and what builds the site."""
