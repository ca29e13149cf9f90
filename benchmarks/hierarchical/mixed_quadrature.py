"""Posteriors of linear mixed models by quadrature over their scales, with all else in closed form: no sampling.

Effects w are normal with known or unknown scales, and y = A w with normal errors. Given the scales, w is normal, and
what is left is an integral over three or fewer numbers, of which a grid leaves nothing open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

# Nodes along each scale in the rounds that find where the mass is, and in the last one; half-normal priors have sd 1.
SEARCHED, NODES, ROUNDS = 13, 22, 3


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A linear mixed model.

    Arguments:
        design: the matrix A, ``(rows, effects)``.
        y: the responses.
        group: of each effect the number of its scale, -1 where it has a known one.
        known: the known standard deviation of such an effect.
        scales: the names of the scales, that of the errors last.
        sites: matrices that make the parameters of a site of the program from effects.
    """

    design: Any
    y: Any
    group: Any
    known: Any
    scales: Sequence[str]
    sites: Mapping[str, Any]

    @cached_property
    def _products(self) -> tuple[Any, Any, float]:
        return self.design.T @ self.design, self.design.T @ self.y, float(self.y @ self.y)

    def solve(self, scales: Any) -> tuple[float, Any, Any]:
        """Return the log of the density of scales with y, and mean and covariance of the effects given both."""
        inner, toward, square = self._products
        *own, sigma = scales
        spread = np.where(self.group < 0, self.known, np.append(own, 1.0)[self.group])
        precision = inner / sigma**2 + np.diag(spread**-2.0)
        covariance = np.linalg.inv(precision)
        mean = covariance @ toward / sigma**2
        log_p = -0.5 * (square / sigma**2 - mean @ toward / sigma**2 + np.linalg.slogdet(precision)[1])
        log_p -= np.log(spread).sum() + len(self.y) * np.log(sigma) + 0.5 * np.square(scales).sum()
        return float(log_p), mean, covariance

    def integrate(self) -> dict[str, Any]:
        """Return mean and sd of each parameter of each site, and of the scales."""
        low, high = np.full(len(self.scales), 1e-3), np.full(len(self.scales), 3.0)
        for _ in range(ROUNDS):
            nodes, weights, _ = self._weigh(low, high, SEARCHED)
            mean = weights @ nodes
            step = (high - low) / SEARCHED
            sd = np.sqrt(weights @ (nodes - mean) ** 2 + step**2 / 4)
            low, high = np.maximum(mean - 5 * sd, 1e-4), mean + 6 * sd
        nodes, weights, solved = self._weigh(low, high, NODES)
        moments = {name: (weights @ nodes[:, i], weights @ nodes[:, i] ** 2) for i, name in enumerate(self.scales)}
        for name, matrix in self.sites.items():
            means = np.stack([matrix @ mean for _, mean, _ in solved])
            spreads = np.stack([np.einsum("ik,kl,il->i", matrix, own, matrix) for _, _, own in solved])
            moments[name] = weights @ means, weights @ (means**2 + spreads)
        mean_of = {name: np.round(first, 6).tolist() for name, (first, _) in moments.items()}
        sd_of = {name: np.round(np.sqrt(second - first**2), 6).tolist() for name, (first, second) in moments.items()}
        return {"quadrature": len(nodes), "mean": mean_of, "sd": sd_of}

    def _weigh(self, low: Any, high: Any, count: int) -> tuple[Any, Any, list[tuple[float, Any, Any]]]:
        """Return the nodes of a grid of midpoints that have any weight, with weights and what was solved there."""
        edges = (np.arange(count) + 0.5) / count
        nodes = np.array(list(product(*(a + (b - a) * edges for a, b in zip(low, high, strict=True)))))
        solved = [self.solve(node) for node in nodes]
        log_p = np.array([own[0] for own in solved])
        weights = np.exp(log_p - log_p.max())
        kept = weights > 1e-9
        return nodes[kept], weights[kept] / weights[kept].sum(), [solved[i] for i in np.flatnonzero(kept)]


def mark(keys: Any) -> Any:
    """Return a matrix with a row for each key and a one in the column of its value."""
    return np.eye(int(np.max(keys)) + 1)[keys]


def make_mixed(name: str, arguments: tuple[Any, ...], y: Any) -> MixedModel | None:
    """Return a program of `real_programs` as a mixed model; None for those that are none."""
    if name not in ("radon", "penicillin", "ratings", "chem97"):
        return None
    return (_radon if name == "radon" else _chem97 if name == "chem97" else _crossed)(*arguments, y)


def _radon(county: Any, floor: Any, uranium: Any, y: Any) -> MixedModel:
    counties, own = len(uranium), np.ones((len(uranium), 1))
    above = np.hstack([own, uranium[:, None], np.zeros((counties, 1)), np.eye(counties)])
    design = above[county]
    design[:, 2] = floor
    unit = np.eye(3 + counties)
    return MixedModel(
        design,
        y,
        np.array([-1] * 3 + [0] * counties),
        np.array([2.0] * 3 + [1.0] * counties),
        ("tau", "sigma"),
        {"g": unit[:1], "h": unit[1:2], "beta": unit[2:3], "alpha": above},
    )


def _crossed(row: Any, column: Any, rows: int, columns: int, y: Any) -> MixedModel:
    unit = np.eye(1 + rows + columns)
    return MixedModel(
        np.hstack([np.ones((len(y), 1)), mark(row), mark(column)]),
        y,
        np.array([-1] + [0] * rows + [1] * columns),
        np.array([2.0] + [1.0] * (rows + columns)),
        ("of_rows", "of_columns", "sigma"),
        {"mu": unit[:1], "a": unit[1 : 1 + rows], "b": unit[1 + rows :]},
    )


def _chem97(school: Any, district: Any, grade: Any, districts: int, y: Any) -> MixedModel:
    schools = len(district)
    above = np.hstack([np.ones((schools, 1)), np.zeros((schools, 1)), np.eye(districts)[district], np.eye(schools)])
    design = above[school]
    design[:, 1] = grade
    unit = np.eye(above.shape[1])
    of_district = unit[2 : 2 + districts].copy()
    of_district[:, 0] = 1.0
    return MixedModel(
        design,
        y,
        np.array([-1, -1] + [0] * districts + [1] * schools),
        np.array([2.0, 2.0] + [1.0] * (districts + schools)),
        ("of_districts", "of_schools", "sigma"),
        {"mu": unit[:1], "slope": unit[1:2], "u": of_district, "v": above},
    )
