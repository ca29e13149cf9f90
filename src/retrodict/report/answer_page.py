"""The page of an answer: verdict, table, marginals, and the inverse; one file without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from retrodict.files.whole import write_whole
from retrodict.pictures.svg import clean
from retrodict.plan.layout import Floats
from retrodict.posterior.answers.answer import Answer

# The most marginals that are drawn, and the bars of each.
MOST_DRAWN, BARS = 60, 40
WIDTH, HEIGHT = 220, 90
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:24px auto;padding:0 24px;color:#1b1f24}"
    "table{border-collapse:collapse}th,td{padding:4px 14px;border-bottom:1px solid #d0d7de}"
    ".bad{color:#b84a00;font-weight:600}.good{color:#1a7f37;font-weight:600}"
    ".all{display:flex;flex-wrap:wrap;gap:14px}figure{margin:0}figcaption{font-size:13px;color:#57606a}"
    "svg{max-width:100%;height:auto}"
)


def write_answer(answer: Answer, path: str | Path, *, title: str = "model") -> Path:
    """Write an answer as one HTML page: verdict, moments, marginals, checks and the inverse.

    Arguments:
        answer: the answer.
        path: the HTML file to write.
        title: the title of the page. Default ``"model"``.

    Returns: the path.

    Raises: `FileError` where the file cannot be written.

    >>> import tempfile
    >>> from retrodict import amortize, zoo
    >>> found = amortize(zoo.binary_tree(depth=2)).answer({"x1": 0.5, "x2": 1.0}, 100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "every factor is exact" in write_answer(found, Path(folder) / "answer.html").read_text("utf-8")
    True
    """
    write_whole(Path(path), "".join(_list_parts(answer, title)).encode())
    return Path(path)


def _list_parts(answer: Answer, title: str) -> Iterator[str]:
    shown = clean(title)
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<title>{shown}</title><style>{STYLE}</style></head><body><h1>{shown}</h1>"
    yield f'<p class="{"good" if answer.reliable else "bad"}">{clean(answer.verdict)}</p>'
    yield from (f"<p>{clean(note)}</p>" for note in answer.notes)
    yield f"<h2>Moments</h2>{answer.table.to_html()}"
    yield f'<h2>Marginals</h2><div class="all">{"".join(_draw_marginals(answer))}</div>'
    yield f"<h2>Checks</h2><ul>{''.join(f'<li>{clean(line)}</li>' for line in list_checks(answer))}</ul>"
    yield f"<h2>The inverse</h2>{answer.inverse.plot().to_svg()}</body></html>\n"


def list_checks(answer: Answer) -> list[str]:
    """Return what was checked of an answer, a line each."""
    exact = [f"{name} ({kind})" for name, kind in answer.exact.items()]
    return [
        f"stage: {answer.stage}",
        f"k-hat: {answer.khat:.2f}",
        f"effective draws: {answer.ess:,.0f}",
        f"exact factors: {', '.join(exact) if exact else 'none'}",
        f"seconds: {answer.seconds:.0f}",
    ]


def _draw_marginals(answer: Answer) -> Iterator[str]:
    drawn = 0
    for name, values in answer.draws.items():
        flat = np.asarray(values, np.float64).reshape(len(values), -1)
        for number, column in enumerate(flat.T):
            if drawn == MOST_DRAWN:
                return
            drawn += 1
            label = str(name) if flat.shape[1] == 1 else f"{name}[{number}]"
            yield f"<figure>{_draw_histogram(column)}<figcaption>{clean(label)}</figcaption></figure>"


def _draw_histogram(values: Floats) -> str:
    """Return a histogram of the middle 99 % of values as SVG, with its ends."""
    low, high = np.quantile(values, [0.005, 0.995])
    counts, _ = np.histogram(values, BARS, (low, high if high > low else low + 1))
    heights = HEIGHT * counts / max(counts.max(), 1)
    step = WIDTH / BARS
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{HEIGHT - h:.1f}" width="{step:.1f}" height="{h:.1f}"/>'
        for i, h in enumerate(heights.tolist())
    )
    ends = "".join(
        f'<text x="{x}" y="{HEIGHT + 13}" text-anchor="{anchor}" fill="#57606a" font-size="11">{end:.3g}</text>'
        for x, anchor, end in ((0, "start", low), (WIDTH, "end", high))
    )
    box = f'width="{WIDTH}" height="{HEIGHT + 16}" viewBox="0 0 {WIDTH} {HEIGHT + 16}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} fill="#0a5ad4">{bars}{ends}</svg>'
