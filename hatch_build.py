"""The README as PyPI shows it: links and pictures that are files of the repository lead there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)(\[[^\]]*\]\()(?!https?:|#)([^)\s]+\))")


class ReadmeHook(MetadataHookInterface):
    """Fill in ``readme`` from README.md, with the repository of ``project.urls``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the text."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": make_absolute(text, metadata["urls"]["Repository"]),
        }


def make_absolute(text: str, repository: str) -> str:
    """Return a text whose relative links lead to the repository, those of pictures to their bytes."""
    return LINK.sub(
        lambda link: f"{link[1]}{link[2]}{repository}/{'raw' if link[1] else 'blob'}/main/{link[3]}",
        text,
    )
