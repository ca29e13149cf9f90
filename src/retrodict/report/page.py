"""The page of a report: one file that loads nothing, runs nothing but its own script, and shows any name as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from retrodict.certificate.certify import Certificate
from retrodict.files.whole import write_whole
from retrodict.graph.bayesnet import BayesNet, HasStructure
from retrodict.pictures.svg import clean
from retrodict.report.content import gather, list_omitted

SCRIPTS = ("openpaths.js", "anyevidence.js", "downloads.js", "explorer.js", "questions.js")


def write_report(
    net_or_model: BayesNet | HasStructure,
    path: str | Path,
    guide: Certificate | None = None,
    *,
    title: str = "model",
    budget: float = 1.0,
) -> Path:
    """Write the report of a model to an HTML file, and return the path of the file.

    Arguments:
        net_or_model: a model or its structure.
        path: the HTML file to write.
        guide: the verdict on a guide of your own, from `lint`; it is shown first. Default none.
        title: the title of the page. Default ``"model"``.
        budget: seconds of local search for the order ``"auto"``, as in `invert`. Default 1.0.

    Returns: the path.

    Raises: `SizeError` for a model that no page can hold, and `FileError` where the file cannot be written.

    >>> import tempfile
    >>> from retrodict import lint, zoo
    >>> verdict = lint(zoo.asia(), {name: ["xray", "dysp"] for name in zoo.asia().latents})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_report(zoo.asia(), Path(folder) / "asia.html", verdict, title="asia").read_text("utf-8")
    >>> "lacks 8 edges that the posterior needs" in page
    True
    """
    write_whole(Path(path), render(gather(net_or_model, title, guide, budget)).encode())
    return Path(path)


def render(content: dict[str, Any]) -> str:
    """Return the page that shows what `describe` says."""
    script = "\n".join(read_part(name) for name in SCRIPTS)
    style = read_part("page.css")
    title, summary = clean(content["title"]), clean(content["summary"])
    parts = {
        "policy": escape(write_policy(script, style)),
        "generator": "retrodict",
        "title": title,
        "summary": summary,
        "modelcount": f": {summary}",
        "omitted": clean(list_omitted(content["omitted"])),
        "style": style,
        "script": script,
        "data": to_embedded_json(content),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read_part("page.html"))


def read_part(name: str) -> str:
    """Return a file of the page that is installed with the package."""
    return (resources.files("retrodict.report") / name).read_text(encoding="utf-8")


def write_policy(script: str, style: str) -> str:
    """Return the content security policy: nothing may be loaded, and only this script and style run.

    They are named by their hashes, so that a script which somehow came in with a name would not run.
    """
    rules = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    rules |= {"script-src": f"'{_hash(script)}'", "style-src": f"'{_hash(style)}'"}
    return "; ".join(f"{rule} {value}" for rule, value in rules.items())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def to_embedded_json(values: object) -> str:
    r"""Return values as JSON that can stand in a script element: no tag and no comment can begin or end in it.

    >>> to_embedded_json(["</script>", "<!--", "&"])
    '["\\u003c/script\\u003e","\\u003c!--","\\u0026"]'
    """
    text = json.dumps(values, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
