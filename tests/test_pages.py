"""What the pages show exists: every name, option, file and keyword that they mention, and every block runs."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import retrodict as rd
from retrodict.cli.app import app
from tests.processes import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "experiments" / "README.md", *(ROOT / "docs").rglob("*.md")])
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


def read_page(path: Path) -> str:
    """The text of a page; that of a notebook with its cells of code as blocks."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    return "\n\n".join(text if kind == "markdown" else f"```python\n{text}\n```" for kind, text in texts)


TEXTS = {path.relative_to(ROOT).as_posix(): read_page(path) for path in [*PAGES, *TUTORIALS]}
# The changelog ends in a table of names that are gone.
TEXTS["CHANGELOG.md"], CHANGED = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("### Names that changed")
SCRIPTS = sorted(path for folder in ("examples", "benchmarks", "experiments") for path in (ROOT / folder).rglob("*.py"))

# Pages whose blocks run elsewhere: in test_readme.py and test_extending.py.
RUN_ELSEWHERE = {"README.md", "docs/extending.md", "docs/posterior.md"}
# Options of other programs, and of the shell.
FOREIGN_OPTIONS = {"--preload", "--install-completion", "--xla"}


def list_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


BLOCKS = {f"{page}:{number}": block for page, text in TEXTS.items() for number, block in enumerate(list_blocks(text))}


def resolve(dotted: str) -> Any:
    """The module, or what is in one, that a dotted name stands for."""
    parts = ["retrodict" if dotted.split(".")[0] == "rd" else dotted.split(".")[0], *dotted.split(".")[1:]]
    found = import_module(parts[0])
    for number, part in enumerate(parts[1:], start=2):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = import_module(".".join(parts[:number]))
    return found


def list_missing(names: set[str]) -> list[str]:
    missing = []
    for name in sorted(names):
        try:
            resolve(name)
        except ImportError:
            missing.append(name)
    return missing


def list_names(text: str) -> set[str]:
    return set(re.findall(r"\b(?:rd|retrodict)(?:\.[A-Za-z_]\w*)+", text)) - {"retrodict.readthedocs"}


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", TEXTS)
def test_every_name_on_a_page_exists(page):
    assert list_missing(list_names(TEXTS[page])) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_name_in_a_script_exists(path):
    """Also what a script imports, whose peers need not be installed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    own = [node for node in imports if str(node.module).split(".")[0] == "retrodict"]
    reached = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {f"{node.module}.{alias.name}" for node in own for alias in node.names}
    assert list_missing(names | {name for name in reached if re.fullmatch(r"rd(\.\w+)+", name)}) == []


def test_a_name_that_is_gone_is_seen():
    text = (
        "`rd.load_model(folder)` and `retrodict.data.load_images`, beside `rd.zoo.programs.vae` and `rd.Inverse.plot`"
    )
    assert list_missing(list_names(text)) == ["rd.load_model", "retrodict.data.load_images"]


# -- options of the command line ---------------------------------------------------------------------


def list_options() -> set[str]:
    command = get_command(app)
    commands = [command, *command.commands.values()]  # type: ignore[attr-defined]
    commands += [inner for outer in commands[1:] for inner in getattr(outer, "commands", {}).values()]
    return {option for one in commands for parameter in one.params for option in parameter.opts} | {"--help"}


@pytest.mark.parametrize("page", TEXTS)
def test_every_option_on_a_page_exists(page):
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", TEXTS[page])) - FOREIGN_OPTIONS - list_options() == set()


# -- files -------------------------------------------------------------------------------------------


FOLDERS = ("src", "tests", "examples", "benchmarks", "experiments")
NAMES_OF_FILES = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")}


@pytest.mark.parametrize("page", TEXTS)
def test_every_file_on_a_page_exists(page):
    """Files of the package stand there without its folder; those that the reader is to write, in extending.md."""
    stated = set(re.findall(r"`([\w./]+\.(?:py|js|md))`", TEXTS[page]))
    new = {"retrodict/encode/families/laplace.py", "retrodict/invert/levels.py", "retrodict/read/edges.py"}
    places = ROOT, ROOT / "src", ROOT / "src" / "retrodict", (ROOT / page).parent
    missing = [name for name in sorted(stated - new) if not any((place / name).exists() for place in places)]
    assert [name for name in missing if "/" in name or name not in NAMES_OF_FILES] == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_on_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(((?!http)[^)#]+)[^)]*\)", TEXTS[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


# -- calls -------------------------------------------------------------------------------------------


# What these names stand for on all pages.
STANDS_FOR = {
    "post": ["AmortizedPosterior"],
    "posterior": ["AmortizedPosterior", "LiftedPosterior"],
    "learned": ["LearnedModel"],
    "guide": ["AutoFaithful"],
    "model": ["NumpyroModel", "DiscreteNetwork", "LinearGaussian"],
    "inverse": ["Inverse"],
    "certificate": ["Certificate"],
    "net": ["BayesNet"],
}


def list_code(text: str) -> Iterator[ast.AST]:
    """What stands in blocks and in code within lines, as far as it is Python; names of files look as if they were."""
    within = [
        code for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) if not re.search(r"\.(py|md|safetensors)$", code)
    ]
    for code in [*list_blocks(text), *within]:
        try:
            yield from ast.walk(ast.parse(code))
        except SyntaxError:
            continue


def list_members(node: ast.Attribute) -> list[Any]:
    """The members that an attribute of a well-known name may be; a field without a default counts as None."""
    homes = [getattr(rd, home) for home in STANDS_FOR[ast.unparse(node.value)]]
    fields = [None for home in homes if node.attr in getattr(home, "__annotations__", ())]
    return [getattr(home, node.attr) for home in homes if hasattr(home, node.attr)] + fields


def find_called(call: ast.Call) -> Any:
    """The public function or method that a call is of, None if that is not known."""
    name, function = ast.unparse(call.func), call.func
    if isinstance(function, ast.Attribute) and ast.unparse(function.value) in STANDS_FOR:
        return next(iter(list_members(function)), None)
    if re.fullmatch(r"rd(\.\w+)+", name):
        return resolve(name)
    return getattr(rd, name) if name in rd.__all__ else None


def find_wrong_calls(text: str) -> list[str]:
    """The calls of public functions and methods with arguments that these do not take."""
    wrong = []
    for call in (node for node in list_code(text) if isinstance(node, ast.Call)):
        called = find_called(call)
        if called is None or any(isinstance(argument, ast.Starred) for argument in call.args):
            continue
        itself = [None] if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in STANDS_FOR else []
        try:
            inspect.signature(called).bind_partial(*itself, *call.args, **{k.arg: None for k in call.keywords if k.arg})
        except TypeError as error:
            wrong.append(f"{ast.unparse(call)}: {error}")
    return wrong


@pytest.mark.parametrize("page", TEXTS)
def test_public_functions_take_what_a_page_gives_them(page):
    assert find_wrong_calls(TEXTS[page]) == []


def list_imported(tree: ast.AST) -> dict[str, Any]:
    """What a script imports of the package, by the names that it uses."""
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [node for node in froms if str(node.module).split(".")[0] == "retrodict"]
    names = {a.asname or a.name: resolve(f"{node.module}.{a.name}") for node in own for a in node.names}
    return {"rd": rd, **names}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_scripts_give_functions_what_these_take(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported, wrong = list_imported(tree), []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        first, *others = ast.unparse(call.func).split(".")
        if first not in imported or not all(map(str.isidentifier, others)):
            continue
        called = reduce(getattr, others, imported[first])
        unpacked = any(isinstance(argument, ast.Starred) for argument in call.args)
        try:
            inspect.signature(called).bind_partial(
                *([] if unpacked else call.args), **{k.arg: None for k in call.keywords if k.arg}
            )
        except TypeError as error:
            wrong.append(f"{ast.unparse(call)}: {error}")
    assert wrong == []


@pytest.mark.parametrize("page", TEXTS)
def test_results_have_the_attributes_that_a_page_names(page):
    nodes = [node for node in list_code(TEXTS[page]) if isinstance(node, ast.Attribute)]
    known = [node for node in nodes if ast.unparse(node.value) in STANDS_FOR]
    assert [ast.unparse(node) for node in known if not list_members(node)] == []


@pytest.mark.parametrize(
    "code",
    ["rd.fit_model(program, data, minimize='depth')", "amortize(model, encoder='shared')", "post.sample(d, 5, 1)"],
)
def test_an_argument_that_is_gone_is_seen(code):
    assert len(find_wrong_calls(f"`{code}`")) == 1


# -- blocks ------------------------------------------------------------------------------------------

# What a page trains until it is good, a test trains for a few steps.
FEWER = {"epochs=50": "epochs=1", "epochs=20": "epochs=1", "draws=500": "draws=5"}
FEWER |= {"2000, *args": "20, *args", "steps=2000": "steps=20", "steps=500": "steps=20"}
SLOW = {"docs/doors.md", "docs/guide.md", "docs/learning.md", "docs/objectives.md"}
# Tutorials train until their answers are right.
SLOW |= {path.relative_to(ROOT).as_posix() for path in TUTORIALS}
RUN = [
    pytest.param(page, marks=[pytest.mark.slow] if page in SLOW else [])
    for page in sorted({name.split(":")[0] for name in BLOCKS} - RUN_ELSEWHERE)
]


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_is_python(name):
    compile(BLOCKS[name], name, "exec")


@pytest.mark.filterwarnings("ignore::retrodict.errors.NoveltyWarning")
@pytest.mark.parametrize("page", RUN)
def test_the_blocks_of_a_page_run_one_after_another(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")  # notebooks read data of the repository
    names: dict[str, Any] = {"__name__": "__page__"}
    for name, block in BLOCKS.items():
        if name.startswith(f"{page}:"):
            for many, few in FEWER.items() if page.endswith(".md") else ():
                block = block.replace(many, few)
            exec(compile(block, name, "exec"), names)  # noqa: S102
    assert len(names) > 1


GONE = re.compile(
    r"SharedEncoder|SeparateEncoder|Wiring|EncoderPlan|LearningPlan|load_model|amortis|reparameteris"
    r"|posterior\.retrodict|program\.retrodict|learning\.retrodict|LearningError|\bdescribe\(\)"
)


@pytest.mark.parametrize("page", TEXTS)
def test_no_page_speaks_of_what_is_gone(page):
    assert GONE.findall(TEXTS[page]) == []


# -- names that changed ------------------------------------------------------------------------------

ROWS = [line.strip("|").split(" | ") for line in CHANGED.splitlines() if line.startswith("| `")]


def test_every_changed_name_has_one_row():
    before = [cells[0].strip() for cells in ROWS]
    assert len(before) > 20
    assert [name for name in before if before.count(name) > 1] == []


def test_new_names_of_the_table_exist():
    assert list_missing(set.union(*(list_names(now) for _, now in ROWS))) == []


def test_calls_on_the_right_of_the_table_are_right():
    assert find_wrong_calls("\n".join(now for _, now in ROWS)) == []
