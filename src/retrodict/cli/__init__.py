"""The command line: ``app`` is the door; the larger commands have a file each."""

from retrodict.cli.app import main as main
