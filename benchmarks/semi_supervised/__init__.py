"""Digits of which few have labels: generators written by hand and derived, under one encoder."""
