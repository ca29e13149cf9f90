"""A report of a model as one page: its inverse under each order, what each latent needs and why, and what it costs."""

from retrodict.report.page import write_report as write_report
