"""What the README shows runs as it stands there."""

import importlib.util
import json
import re
import shlex
import shutil
import sys

import pytest

from retrodict.cli import main
from retrodict.invert import invert
from retrodict.invert.compare import compare
from retrodict.zoo import binary_tree, find
from tests.processes import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("retrodict ")]


def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102
    told = capsys.readouterr().out
    assert "True" in told
    assert "MissingEdge" in told
    assert "(1000,)" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command, tmp_path, monkeypatch, capsys):
    guide = {name: list(parents) for name, parents in invert(binary_tree(3)).parents.items()}
    (tmp_path / "guide.json").write_text(json.dumps(guide))
    shutil.copy(ROOT / "tests" / "data" / "asia.bif", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as stopped:
        main()
    assert (stopped.value.code or 0) in (0, 1)
    assert capsys.readouterr().out


def test_its_table_of_orders_is_that_of_the_code():
    """Written by ``make tables``; the orders are deterministic, so the table can be made again."""
    specification = importlib.util.spec_from_file_location("orders", ROOT / "benchmarks" / "orders.py")
    orders = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(orders)
    table = orders.write_summary({source: compare(find(source)) for source in orders.SHORT})
    assert orders.BEGIN + table + orders.END in README


def test_every_path_it_names_exists():
    paths = re.findall(r"\]\(((?!http)[^)]+)\)", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
