"""The line on every generated page that says from which commit it was made.

A page cannot name the commit that it will be part of, so it names the last one that touched what it was made from:
code, and results where they are kept.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"Made from commit `[^`]+`\.\n\n")


def stamp(page: str, *made_of: str) -> str:
    """Return a page with the line below its title; ``made_of`` are paths in the repository."""
    title, rest = page.split("\n\n", 1)
    return f"{title}\n\n{write_line(*made_of)}{rest}"


def unstamp(text: str) -> str:
    """Return a page without the line, to be compared."""
    return LINE.sub("", text, count=1)


def write_line(*made_of: str) -> str:
    """Return the line as a paragraph."""
    return f"Made from commit `{find_commit(*made_of)}`.\n\n"


def find_commit(*paths: str, root: Path = ROOT) -> str:
    """Return the last commit that touched any of these paths, and whether they have been changed since."""
    commit = _ask_git(root, "log", "-1", "--format=%h", "--abbrev=9", "--", *paths)
    changes = " + changes" if _ask_git(root, "status", "--porcelain", "--", *paths) else ""
    return (commit or "unknown") + changes


def _ask_git(root: Path, *arguments: str) -> str:
    """Return what git says, or nothing where there is no git or no repository."""
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
