"""Commands that have a file of their own; ``cli.py`` adds them to its own in one line."""

import typer

from retrodict.commands import reproduce
from retrodict.commands.report import report_command
from retrodict.commands.train import train_command


def register(app: typer.Typer) -> None:
    """Add the commands of this folder to an application."""
    app.command("train")(train_command)
    app.command("report")(report_command)
    app.add_typer(reproduce.app, name="reproduce")
