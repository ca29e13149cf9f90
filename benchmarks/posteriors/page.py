"""docs/benchmarks-posteriors.md, from the results alone: ``python -m benchmarks.posteriors.page``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import shorten
from typing import Any

from benchmarks.posteriors import lines, references
from benchmarks.posteriors.catalog import HELD_OUT, NAMES, OF_NUMPYRO, OF_POSTERIORDB
from benchmarks.posteriors.guides import guides_section
from benchmarks.stamp import ROOT, stamp

RESULTS = ROOT / "benchmarks" / "results" / "posteriors.jsonl"
HELD_OUT_RESULTS = ROOT / "benchmarks" / "results" / "posteriors_held_out.jsonl"
PAGE = ROOT / "docs" / "benchmarks-posteriors.md"
MADE_OF = ("benchmarks/posteriors", "benchmarks/results")
# What is asked: offset of means in reference standard deviations, relative error of standard deviations.
RAW, FINAL, RAW_PROGRAMS, SECONDS, KHAT = (0.3, 0.3), (0.1, 0.1), 15, 180, 0.7
TRANSLATED = 0.05
# What failed is told in so many characters, whole words.
LONGEST = 300
HEAD = """# Posteriors of real programs

Written by `make bench-posteriors`. Nine posteriors of posteriordb, with its reference draws, and twelve programs of
NumPyro's examples and tutorials on published data, with long NUTS runs as reference. `rd.amortize` has its defaults
and 90 seconds at most; each program is run with {seeds}.

*offset*: the mean that lies farthest from the reference, in standard deviations of the reference. *sds*: the least and
the largest ratio of standard deviations to those of the reference. All are the worst of all parameters and of all
seeds, as is k-hat; *ess* is the smallest effective share of the draws. Times are seconds, the longest of all seeds, on
two cores. A row without figures is explained under *What failed*.
"""
HELD_OUT_HEAD = """## Programs on which nothing was tuned

Twenty further posteriors of posteriordb, programmed as they stand there: data are not scaled, effects centered where
they are centered there, priors as vague as `Gamma(0.001, 0.001)`. They were chosen before any of them was run, and what
they found wrong was mended for all programs alike. The Gaussian process with counts runs in double precision, which its
covariance takes; in single precision the answer says that it is not reliable, and why.
"""
COLUMNS = {"encoder": "the encoder as it is trained", "weighted": "the same draws with importance weights"}
COLUMNS |= {"refined": "after `post.refine`", "answer": "after `post.answer`"}
Rows = list[dict[str, Any]]
Held = dict[tuple[str, str], Rows]


def collect(rows: Iterable[dict[str, Any]]) -> Held:
    """Return the rows of each program and column, the last of each seed."""
    last = {(row["program"], row["column"], row["seed"]): row for row in _keep_last_runs(list(rows))}
    held: Held = {}
    for (name, column, _), row in sorted(last.items()):
        held.setdefault((name, column), []).append(row)
    return held


def _keep_last_runs(rows: Rows) -> Rows:
    """Return rows without those of a run that was run again: a run ends with its line ``end``."""
    runs: dict[tuple[str, int], Rows] = {}
    open_runs: dict[tuple[str, int], Rows] = {}
    for row in rows:
        key = row["program"], row["seed"]
        open_runs.setdefault(key, []).append(row)
        if row["column"] == "end":
            runs[key] = open_runs.pop(key)
    return [row for run in runs.values() for row in run]


def find_worst(rows: Rows, key: str, choose: Callable[[Iterable[float]], float]) -> float | None:
    """Return the worst of all seeds; None where one is no number, or where nothing was run."""
    values = [row.get(key) for row in rows]
    return None if not values or None in values else choose(value for value in values if value is not None)


def is_near(rows: Rows, bounds: tuple[float, float]) -> bool:
    """Return whether all seeds lie within bounds on offsets and on relative errors of standard deviations."""
    offset, least, most = (find_worst(rows, *how) for how in (("offset", max), ("least", min), ("most", max)))
    if offset is None or least is None or most is None:
        return False
    return offset <= bounds[0] and least >= 1 - bounds[1] and most <= 1 + bounds[1]


def is_reached(rows: Rows) -> bool:
    """Return whether answers are what is asked: near, reliable weights, in time."""
    khat, seconds = find_worst(rows, "khat", max), find_worst(rows, "whole", max)
    if khat is None or seconds is None:
        return False
    return is_near(rows, FINAL) and khat < KHAT and seconds <= SECONDS


def write_table(names: tuple[str, ...], held: Held, column: str) -> str:
    """Return the table of a column, a row for each program."""
    asked = FINAL if column == "answer" else RAW
    extra = {"encoder": ["exact factors", "training s"], "answer": ["stage", "whole s"]}.get(column, ["s"])
    head = ["program", "offset", "of", "sds", "k-hat", "ess", *extra, f"within {asked[0]} and {asked[1]:.0%}"]
    body = [_write_row(name, held, column, asked) for name in names if (name, column) in held or (name, "end") in held]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body]) + "\n"


def _write_row(name: str, held: Held, column: str, asked: tuple[float, float]) -> str:
    rows = held.get((name, column), [])
    offset = find_worst(rows, "offset", max)
    worst = [row["offset_of"] for row in rows if offset is not None and row["offset"] == offset][:1]
    sds = f"{_number(find_worst(rows, 'least', min))} to {_number(find_worst(rows, 'most', max))}"
    figures = [_number(offset), worst[0] if worst else "", sds if rows else ""]
    figures += [_number(find_worst(rows, "khat", max)), _number(find_worst(rows, "ess", min))]
    verdict = "yes" if is_near(rows, asked) else "**no**"
    return f"| {' | '.join([name, *figures, *_write_extra(name, held, column), verdict])} |"


def _write_extra(name: str, held: Held, column: str) -> list[str]:
    rows = held.get((name, column), [])
    if column == "encoder":
        exact = sorted({form for row in rows for form in row.get("exact", [])})
        return [", ".join(exact), _number(find_worst(held.get((name, "training"), []), "seconds", max))]
    if column == "answer":
        stages = sorted({str(row.get("stage")) for row in rows if "stage" in row})
        return [", ".join(stages), _number(find_worst(rows, "whole", max))]
    return [_number(find_worst(rows, "seconds", max))]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value <= -9:
        return "-inf"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def add_whole(rows: Rows) -> Rows:
    """Return rows, answers with the seconds of training and answering together."""
    training = {(row["program"], row["seed"]): row.get("seconds") for row in rows if row["column"] == "training"}
    whole = []
    for row in rows:
        took = training.get((row["program"], row["seed"]))
        timed = row["column"] == "answer" and took is not None and "seconds" in row
        whole.append({**row, "whole": took + row["seconds"]} if timed else row)
    return whole


def write_held_out(rows: Rows) -> str:
    """Return the section of the programs on which nothing was tuned."""
    held = collect(add_whole(rows))
    if not held:
        return ""
    tables = [
        f"### {COLUMNS[column][0].upper()}{COLUMNS[column][1:]}\n\n{write_table(HELD_OUT, held, column)}"
        for column in ("encoder", "answer")
    ]
    failures = write_failures([row for run in held.values() for row in run]).replace("## ", "### ")
    said = say_seeds(rows)
    parts = [
        HELD_OUT_HEAD,
        f"Run with {said}, two at a time on two cores.\n",
        say_states(rows),
        write_summary(held, HELD_OUT),
        *tables,
        failures,
    ]
    return "\n".join(part for part in parts if part)


def write_summary(held: Held, names: tuple[str, ...] = NAMES) -> str:
    """Return what is asked and how many programs reach it."""
    run = [name for name in names if (name, "end") in held]
    raw = sum(is_near(held.get((name, "encoder"), []), RAW) for name in run)
    final = sum(is_reached(held.get((name, "answer"), [])) for name in run)
    return (
        "| asked | programs that reach it |\n|---|---|\n"
        f"| encoder within {RAW[0]} and {RAW[1]:.0%}, {_count(names)} | {raw} of {len(run)} |\n"
        f"| answer within {FINAL[0]} and {FINAL[1]:.0%}, k-hat below {KHAT}, {SECONDS} s, all programs "
        f"| {final} of {len(run)} |\n"
    )


def _count(names: tuple[str, ...]) -> str:
    return f"{RAW_PROGRAMS} of {len(names)} programs" if names == NAMES else "all programs"


def write_failures(rows: Rows) -> str:
    """Return what did not end well, by program and column."""
    failed = sorted({(row["program"], row["column"], row["error"]) for row in rows if "error" in row})
    said = [
        f"- {name}, {column}: {_escape(shorten(error, LONGEST, placeholder=' ...'))}" for name, column, error in failed
    ]
    return "## What failed\n\n" + "\n".join(said) + "\n" if said else ""


def _escape(text: str) -> str:
    """Return a message as code, which may name options and calls of its time."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "/") + "`"


def write_references(stored: Rows) -> str:
    """Return how the references were made, and that posteriordb's programs are translated rightly."""
    head = (
        "## References\n\n"
        "NUTS in double precision, four chains, each after 2,000 steps of warm-up; discrete latents are summed out by\n"
        "hand. For posteriordb's programs *offset* is the distance of NUTS from its reference draws: below "
        f"{TRANSLATED} where a\nprogram is that of Stan.\n\n"
        "| program | draws | R-hat | least ess | divergent | offset | sds |\n|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_write_reference(row) for row in stored) + "\n"


def _write_reference(row: dict[str, Any]) -> str:
    beside = ["", ""]
    if "offset" in row:
        beside = [f"{row['offset']:.3f}", f"{row['least']:.3f} to {row['most']:.3f}"]
    counts = f"{row['draws']:,} | {row['rhat']:.4f} | {row['ess']:,.0f} | {row['divergent']}"
    return f"| {row['program']} | {counts} | {' | '.join(beside)} |"


def say_seeds(rows: Rows) -> str:
    """Return with how many seeds each program was run; not all are run with equally many."""
    of_program: dict[str, set[int]] = {}
    for row in rows:
        of_program.setdefault(row["program"], set()).add(row["seed"])
    counts = sorted({len(seeds) for seeds in of_program.values()}) or [0]
    return "one seed" if counts == [1] else f"{' or '.join(map(str, counts))} seeds"


def say_states(rows: Rows) -> str:
    """Return which programs were measured on which state of the library, as not all are always run anew."""
    last = {row["program"]: row["commit"] for row in rows if row["column"] == "end" and "commit" in row}
    programs: dict[str, list[str]] = {}
    for program, commit in sorted(last.items()):
        programs.setdefault(commit, []).append(program)
    said = [f"- `{commit}`: {', '.join(names)}" for commit, names in programs.items()]
    return "Measured on these states of the library:\n\n" + "\n".join(said) + "\n" if len(said) > 1 else ""


def write_page(rows: Rows, stored: Rows, guides: Rows, held_out: Iterable[dict[str, Any]] = ()) -> str:
    """Return the page from results."""
    held = collect(add_whole(rows))
    parts = [HEAD.format(seeds=say_seeds(rows)), say_states(rows), write_summary(held)]
    for column, title in COLUMNS.items():
        if any(of == column for _, of in held):
            groups = [write_table(names, held, column) for names in (OF_POSTERIORDB, OF_NUMPYRO)]
            parts += [f"## {title[0].upper()}{title[1:]}\n", *groups]
    parts += [write_failures([row for run in held.values() for row in run]), write_held_out(list(held_out))]
    parts += [guides_section.write(guides)]
    parts += [write_references(stored)]
    return "\n".join(part for part in parts if part)


def make() -> str:
    """Return the page of the results as they are."""
    guides, held_out = (lines.read(path) for path in (guides_section.RESULTS, HELD_OUT_RESULTS))
    return write_page(lines.read(RESULTS), references.read(), guides, held_out)


def main() -> None:
    """Write the page."""
    PAGE.write_text(stamp(make(), *MADE_OF), encoding="utf-8")


if __name__ == "__main__":
    main()
