"""Run the tutorials and keep what they print and draw: ``python docs/building/execute.py docs/tutorials/*.ipynb``.

Outputs are kept in the repository, so that the site is built without training anything. A cell that fails, an answer
that is not right among them, ends the run, and the notebook stays as it was.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

# As in the tests: programs here are compiled once and run briefly.
QUICKLY = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
PROGRESS = re.compile(r"^.*\b\d+/\d+ (?:steps|epochs).*\n?", re.MULTILINE)


def main(names: list[str]) -> None:
    """Execute notebooks one after another."""
    os.environ.setdefault("XLA_FLAGS", QUICKLY)
    os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress")
    for path in map(Path, names):
        print(path, flush=True)
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook, timeout=1800, record_timing=False, resources={"metadata": {"path": path.parent}}
        ).execute()
        nbformat.write(tidy(notebook), path)


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without what differs from run to run: progress, ids, versions."""
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_tidy_output, cell.outputs) if output.get("text", "-").strip()]
    return notebook


def _tidy_output(output: NotebookNode) -> NotebookNode:
    if output.output_type == "stream":
        output.text = PROGRESS.sub("", output.text)
    return output


if __name__ == "__main__":
    main(sys.argv[1:])
