"""Links from a page to files outside of docs lead to the repository, where these are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LINK = re.compile(r"(?<!!)(\[[^\]]*\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def setup(app: Sphinx) -> dict[str, Any]:
    """Rewrite each page as it is read."""
    app.add_config_value("repository", "", "env")
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the addresses of files that are not part of the site."""
    folder = Path(app.srcdir, page).parent
    source[0] = LINK.sub(lambda link: _replace(link, folder, Path(app.srcdir), app.config.repository), source[0])


def _replace(link: re.Match[str], folder: Path, docs: Path, repository: str) -> str:
    target = Path(os.path.normpath(folder / link[2]))
    if ":" in link[2] or not target.exists() or target.is_relative_to(docs):
        return link[0]
    kind = "tree" if target.is_dir() else "blob"
    return f"{link[1]}{repository}/{kind}/main/{target.relative_to(docs.parent).as_posix()}{link[3]}"
