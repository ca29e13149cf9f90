"""Imports go down the floors of the design only; nothing that could run code from a file is used anywhere."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import retrodict
from tests.processes import ROOT, run_python

SOURCE = ROOT / "src" / "retrodict"

FLOORS = [
    ["errors", "packages", "files", "pictures"],
    ["graph"],
    ["certificate"],
    ["plan"],
    ["invert", "lift", "generate"],
    ["models"],
    ["read", "zoo"],
    ["exact"],
    ["encode"],
    ["train"],
    ["posterior"],
    ["guide", "learn"],
    ["paper", "report"],
    ["cli"],
]
FLOOR = {unit: floor for floor, units in enumerate(FLOORS) for unit in units}
HIGHEST_WITHOUT_JAX = 4
NUMPY_ONLY = {unit for units in FLOORS[: HIGHEST_WITHOUT_JAX + 1] for unit in units}
HEAVY = {"jax", "jaxlib", "equinox", "optax", "numpyro", "networkx", "matplotlib", "pyagrum", "sklearn"}

FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def name_of(path: Path) -> str:
    """The dotted name of a file of the package, a folder's ``__init__`` included."""
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)


def unit_of(module: str) -> str:
    """The part of the package that a module belongs to; empty for the package itself."""
    return [*module.split("."), ""][1]


# -- reading imports ---------------------------------------------------------------------------------


def list_imports(tree: ast.AST, module: str) -> list[str]:
    """Everything imported anywhere: inside functions and for type checkers only, too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve(node, module)
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def resolve(node: ast.ImportFrom, module: str) -> str:
    """The module that a ``from`` names, counted from the top also when it is relative."""
    above = module.split(".")[: -node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def list_own_imports(tree: ast.AST, module: str) -> list[str]:
    return [name for name in list_imports(tree, module) if name.split(".")[0] == "retrodict"]


def list_at_start(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not functions, not what only type checkers read."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_checkers(statement):
            continue
        yield statement
        for part in ("body", "orelse", "finalbody"):
            yield from list_at_start(getattr(statement, part, []))


def is_for_checkers(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)


def list_packages_at_start(tree: ast.Module, module: str) -> set[str]:
    """The packages that importing a module imports, other than Python's own."""
    imports = [s for s in list_at_start(tree.body) if isinstance(s, ast.Import | ast.ImportFrom)]
    names = {name.split(".")[0] for s in imports for name in list_imports(s, module)}
    return names - sys.stdlib_module_names - {"__future__"}


def find_climbs(tree: ast.AST, module: str) -> list[str]:
    """Imports of a floor above one's own; what has no floor counts as the roof."""
    own, roof = FLOOR[unit_of(module)], len(FLOORS) - 1
    return [name for name in list_own_imports(tree, module) if FLOOR.get(unit_of(name), roof) > own]


# -- the floors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_has_a_floor(path: Path) -> None:
    assert unit_of(name_of(path)) in FLOOR


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    assert find_climbs(ast.parse(path.read_text()), name_of(path)) == []


def list_units() -> set[str]:
    """The modules and folders of the package."""
    return {unit_of(name_of(path)) for path in FILES}


def test_every_floor_lists_what_exists() -> None:
    assert set(FLOOR) == list_units()


def test_the_page_of_architecture_has_the_same_floors() -> None:
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1:3] for line in lines if re.match(r"\| \d+ \|", line)]
    stated = {int(floor): re.findall(r"`(\w+)(?:/|\.py)`", units) for floor, units in cells}
    assert {floor: sorted(units) for floor, units in stated.items()} == dict(enumerate(map(sorted, FLOORS)))


def test_the_verdict_knows_nothing_of_how_inverses_are_made() -> None:
    """A certificate shares no code with what it judges, and no tensor."""
    for path in (path for path in FILES if unit_of(name_of(path)) == "certificate"):
        units = {unit_of(name) for name in list_own_imports(ast.parse(path.read_text()), name_of(path))}
        assert units <= {"errors", "files", "pictures", "graph", "certificate"}, path


def test_a_folder_holds_fourteen_files_at_most() -> None:
    for folder in {path.parent for path in FILES} - {SOURCE}:
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 14, folder


def find_repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def test_a_file_name_stands_for_one_file() -> None:
    """Names of files in two folders make two tabs of an editor look alike."""
    assert find_repeated(path.stem for path in FILES if path.name != "__init__.py") == set()


def test_a_class_name_stands_for_one_class() -> None:
    """Going to a symbol gives one answer."""
    nodes = (node for path in FILES for node in ast.walk(ast.parse(path.read_text())))
    assert find_repeated(node.name for node in nodes if isinstance(node, ast.ClassDef)) == set()


def test_no_module_imports_itself_in_a_circle() -> None:
    modules = {name_of(path).removesuffix(".__init__"): path for path in FILES}
    graph = {
        module: {longest_module(name, modules) for name in list_own_imports(ast.parse(path.read_text()), name_of(path))}
        - {module}
        for module, path in modules.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"modules import each other: {' -> '.join(error.args[1])}")
    assert set(modules) <= set(order)


def longest_module(name: str, modules: Iterable[str]) -> str:
    """The module that an imported name is or lives in."""
    parts = name.split(".")
    prefixes = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((prefix for prefix in prefixes if prefix in modules), "retrodict")


@pytest.mark.parametrize("path", [path for path in FILES if unit_of(name_of(path)) in NUMPY_ONLY], ids=name_of)
def test_graphs_and_images_cost_numpy_alone(path: Path) -> None:
    light = {"numpy", "retrodict", "safetensors"}  # which needs NumPy alone
    assert list_packages_at_start(ast.parse(path.read_text()), name_of(path)) <= light


@pytest.mark.parametrize(
    "code",
    [
        "from retrodict.train import fit",
        "from retrodict import train",
        "import retrodict.train",
        "import retrodict",
        "from retrodict import no_such_part",
        "from ..train import fit",
        "from .. import train",
        "def f():\n    from retrodict.train.loop import fit",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from retrodict.train.loop import fit",
        "class C:\n    def f(self):\n        import retrodict.train.loop as fit",
    ],
)
def test_a_climb_is_seen(code: str) -> None:
    assert len(find_climbs(ast.parse(code), "retrodict.graph.rows")) == 1


@pytest.mark.parametrize(
    "code",
    [
        "from retrodict.errors import quote",
        "from .bayesnet import BayesNet",
        "from ..errors import quote",
        "import numpy",
    ],
)
def test_going_down_is_no_climb(code: str) -> None:
    assert find_climbs(ast.parse(code), "retrodict.graph.rows") == []


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("import jax.numpy as jnp", {"jax"}),
        ("try:\n    import networkx\nexcept ImportError:\n    pass", {"networkx"}),
        ("class C:\n    import jax", {"jax"}),
        ("if True:\n    pass\nelse:\n    from jax import vmap", {"jax"}),
        ("def f():\n    import jax", set()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import jax", set()),
    ],
)
def test_what_runs_at_import_is_told_from_what_does_not(code: str, packages: set[str]) -> None:
    assert list_packages_at_start(ast.parse(code), "retrodict.graph.rows") == packages


# -- one file knows how JAX works inside -------------------------------------------------------------

INSIDE_JAX = ("jax.extend", "jax.core", "jax._src", "jaxlib")


def find_leaning(tree: ast.AST, module: str) -> list[str]:
    """Imports of what is inside of JAX, and such parts reached through the package: ``jax.core.Tracer``."""
    reached = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    inside = tuple(f"{name}." for name in INSIDE_JAX)
    return [name for name in [*list_imports(tree, module), *reached] if f"{name}.".startswith(inside)]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_one_file_leans_on_the_inside_of_jax(path: Path) -> None:
    leaning = find_leaning(ast.parse(path.read_text()), name_of(path))
    assert bool(leaning) == (name_of(path) == "retrodict.read.jaxpr.internals"), leaning


@pytest.mark.parametrize("code", ["from jax.extend.core import Jaxpr", "import jax._src.core", "x = jax.core.Tracer"])
def test_leaning_on_jax_is_seen(code: str) -> None:
    assert find_leaning(ast.parse(code), "retrodict.read.walk")


# -- nothing that runs code from a file --------------------------------------------------------------

FORBIDDEN_PACKAGES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "__import__"}


def find_dangers(tree: ast.AST) -> list[str]:
    imports = [name for name in list_imports(tree, "retrodict.module") if name.split(".")[0] in FORBIDDEN_PACKAGES]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [c.func.id for c in calls if isinstance(c.func, ast.Name) and c.func.id in FORBIDDEN_CALLS]
    allowed = [
        "allow_pickle"
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "allow_pickle" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    ]
    return imports + names + allowed


@pytest.mark.parametrize("path", [*FILES, SOURCE / "__init__.py"], ids=name_of)
def test_no_file_can_run_code(path: Path) -> None:
    assert find_dangers(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "import marshal",
        "eval('1')",
        "exec(text)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
    ],
)
def test_a_danger_is_seen(code: str) -> None:
    assert len(find_dangers(ast.parse(code))) == 1


@pytest.mark.parametrize("code", ["np.load(path, allow_pickle=False)", "model.eval()", "import json"])
def test_the_harmless_is_no_danger(code: str) -> None:
    assert find_dangers(ast.parse(code)) == []


# -- the public names --------------------------------------------------------------------------------


def read_exports() -> dict[str, str]:
    """Where the public names live, as type checkers are told."""
    tree = ast.parse((SOURCE / "__init__.pyi").read_text())
    names = {}
    for node in (node for node in tree.body if isinstance(node, ast.ImportFrom)):
        for alias in node.names:
            assert alias.asname == alias.name, f"write `import {alias.name} as {alias.name}`, so that it is exported"
            names[alias.name] = f"retrodict.{node.module or alias.name}"
    return names


HOMES = read_exports()


def test_every_public_name_is_listed() -> None:
    assert set(retrodict.__all__) == set(HOMES)


@pytest.mark.parametrize("name", HOMES)
def test_a_public_name_is_what_it_is_at_home(name: str) -> None:
    """Also after every submodule was imported, some of which bear the names of functions."""
    home = import_module(HOMES[name])
    for _ in range(2):
        found = getattr(retrodict, name)
        if home.__name__ == f"retrodict.{name}" and not hasattr(home, name):
            assert found is home
        else:
            assert found is getattr(home, name)
            assert not isinstance(found, ModuleType)


def test_no_other_name_is_public() -> None:
    with pytest.raises(AttributeError, match="No retrodict attribute inverted"):
        _ = retrodict.inverted


# Seams between the folders, not results: public methods hand them over, and nobody needs to name them.
SEAMS = {
    *("Compiled", "Drawing", "Evidence", "Grounding", "Group", "GuideParts", "Layout", "Parts"),
    *("ProgramGenerator", "Rows", "Scene", "Sheet", "Step"),
}


def list_returned(public: object) -> Iterator[tuple[str, str]]:
    """What a public function returns, and the public methods and properties of a class, as written in the source."""
    members = inspect.getmembers_static(public) if inspect.isclass(public) else []
    for name, member in [(getattr(public, "__name__", ""), public), *members]:
        function = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_") and function.__module__.startswith("retrodict."):
            yield name, str(function.__annotations__.get("return", ""))


@cache
def list_hidden() -> set[str]:
    """The classes of the package that are not public."""
    own = {node.name for path in FILES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)}
    return own - set(retrodict.__all__) - SEAMS


@pytest.mark.parametrize("name", sorted(set(HOMES) - {"errors", "zoo"}))
def test_what_a_public_function_returns_has_a_public_name(name: str) -> None:
    assert [
        (what, found)
        for what, found in list_returned(getattr(retrodict, name))
        if list_hidden() & set(re.findall(r"\w+", found))
    ] == []


FIRST_USE = """
import retrodict.certificate.certify, retrodict.invert.comi
import retrodict as rd
from retrodict import certify, invert
net = rd.BayesNet({"z": [], "x": ["z"]}, observed=["x"])
assert rd.invert is invert and rd.certify is certify
assert rd.certify(rd.invert(net)) and rd.lint(net, {"z": ["x"]})
"""

GRAPH_WORK = """
import sys
import retrodict as rd
net = rd.BayesNet({"a": [], "b": ["a"], "x": ["a", "b"]}, observed=["x"])
for inverse in rd.invert(net), rd.reversal(net), rd.mean_field(net), rd.fully_connected(net):
    inverse.parents["a"], inverse.depth, rd.certify(inverse).missing, inverse._repr_svg_()
rd.d_separated(net, "a", "x", given=["b"])
print(*{name.split(".")[0] for name in sys.modules})
"""


def test_functions_are_not_hidden_by_modules_of_their_names() -> None:
    assert run_python(FIRST_USE) == ""


def test_work_on_graphs_waits_for_nothing_heavy() -> None:
    loaded = set(run_python(GRAPH_WORK).split())
    assert {"retrodict", "numpy"} <= loaded
    assert not loaded & HEAVY
