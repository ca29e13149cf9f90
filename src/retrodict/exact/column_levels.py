"""The order in which a sparse least-squares problem gives up its columns: level by level, those that share no row.

The effects of groups share no row with each other: all of them are one level, whatever their number. What they leave
behind are rows of the columns that they met, which have levels again, as the effects of schools in districts have.

Source: Heath 1984 (orthogonal elimination of sparse columns); Liu 1985 (degrees tell which are cheap).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from retrodict.graph.rows import Integers, Mask

# Fewer columns than this are left as they are; a level of fewer is not worth its program; a column meets so many others
# at most, and has at most so many times the rows of the shortest one of its level.
SMALL, FEWEST, MOST_MET, UNEVEN = 8, 3, 24, 4


@dataclass(frozen=True, eq=False)
class ColumnLevel:
    """Columns that are eliminated side by side: G of them with up to r rows each, which hold up to o others.

    ``columns`` are their numbers, ``rows`` the rows of each, (G, r), with the number of rows where there is none.
    ``own`` says in which slot of a row the column is, ``met`` which other columns there are, (G, o), with the number of
    columns where there is none, and ``slots`` where those are in each row, (G, r, o). ``source`` gives for each row
    where its next values are: a row as before, or one of those after the elimination.
    """

    columns: Integers
    rows: Integers
    own: Integers
    met: Integers
    slots: Integers
    source: Integers
    width: int


@dataclass(frozen=True, eq=False)
class ColumnLevels:
    """A pattern of columns in rows, its levels, and the columns that are left at last.

    ``color`` numbers the columns so that those of one color share no row: ``n_colors`` slopes tell all. ``entries``
    holds the columns of each row, side by side, with the number of columns where there are no more; ``last`` are the
    columns that are left, and ``last_slots`` where they are in each row then.
    """

    n_rows: int
    n_columns: int
    color: Integers
    n_colors: int
    entries: Integers
    levels: tuple[ColumnLevel, ...]
    last: Integers
    last_slots: Integers

    @property
    def size(self) -> int:
        """About how many numbers an elimination holds at once."""
        widest = max([self.entries.shape[1], *(level.width for level in self.levels)])
        return self.n_rows * (self.n_colors + 2 * widest + len(self.last)) + self.n_columns


def plan_levels(pattern: Mask) -> ColumnLevels | None:
    """Return the levels of columns, given which columns each row holds; None where elimination gains little.

    Arguments:
        pattern: shape ``(rows, columns)``.

    >>> rows = np.repeat(np.eye(12, dtype=bool), 5, axis=0)
    >>> pattern = np.concatenate([rows, np.ones((60, 1), bool)], axis=1)  # twelve effects, and one that all share
    >>> levels = plan_levels(pattern)
    >>> [len(level.columns) for level in levels.levels], levels.last.tolist(), levels.n_colors
    ([12], [12], 2)
    """
    n_rows, n_columns = pattern.shape
    if n_columns <= SMALL:
        return None
    held = [np.flatnonzero(row) for row in pattern]
    entries = _stack(held, n_columns)
    if n_columns and entries.shape[1] > MOST_MET + 1:
        return None
    left, levels = np.arange(n_columns), []
    slotted = entries
    while len(left) > SMALL // 2:
        chosen = _choose(slotted, left, n_rows, n_columns)
        if len(chosen) < FEWEST:
            break
        level, slotted = _eliminate(slotted, chosen, n_columns)
        levels.append(level)
        left = np.setdiff1d(left, chosen)
    if len(left) > n_columns // 2:
        return None
    color = _color(entries, n_columns)
    last_slots = _find_slots(slotted, np.broadcast_to(left, (n_rows, len(left))))
    return ColumnLevels(n_rows, n_columns, color, int(color.max()) + 1, entries, tuple(levels), left, last_slots)


def _stack(lists: Sequence[Integers], filler: int) -> Integers:
    """Return lists of different lengths as rows, filled up."""
    stacked = np.full((len(lists), max([1, *map(len, lists)])), filler, dtype=np.int64)
    for row, numbers in zip(stacked, lists, strict=True):
        row[: len(numbers)] = numbers
    return stacked


def _choose(slotted: Integers, left: Integers, n_rows: int, n_columns: int) -> Integers:
    """Return columns that share no row, those that meet the fewest others first, and not of too uneven lengths."""
    row, slot = np.nonzero(slotted < n_columns)
    ones = np.ones(len(row), dtype=np.int64)
    held = sparse.csr_matrix((ones, (row, slotted[row, slot])), shape=(n_rows, n_columns))
    meets = (held.T @ held).tolil().rows
    length = np.asarray(held.sum(axis=0)).ravel()
    degree = np.array([len(meets[c]) - 1 for c in left.tolist()])
    fitting = left[(degree <= min(MOST_MET, 2 * max(degree.min(), 2))) & (length[left] > 0)]
    taken = list(_take_apart(fitting[np.argsort(length[fitting], kind="stable")], meets))
    shortest = min((length[c] for c in taken), default=0)
    return np.array(sorted(c for c in taken if length[c] <= UNEVEN * shortest), dtype=np.int64)


def _take_apart(candidates: Integers, meets: Sequence[Sequence[int]]) -> Iterator[int]:
    blocked: set[int] = set()
    for column in candidates.tolist():
        if column not in blocked:
            blocked.update(meets[column])
            yield column


def _eliminate(slotted: Integers, chosen: Integers, n_columns: int) -> tuple[ColumnLevel, Integers]:
    """Return a level, and which columns each row holds after it."""
    n_rows = len(slotted)
    of = [np.flatnonzero((slotted == column).any(axis=1)) for column in chosen]
    rows = _stack(of, n_rows)
    met = _stack(
        [np.setdiff1d(slotted[mine], [column, n_columns]) for column, mine in zip(chosen, of, strict=True)], n_columns
    )
    padded = np.concatenate([slotted, np.full((1, slotted.shape[1]), n_columns)])
    inside = padded[rows]
    own = _find_slots(inside, np.broadcast_to(chosen[:, None, None], (*rows.shape, 1)))[..., 0]
    slots = _find_slots(inside, np.broadcast_to(met[:, None], (*rows.shape, met.shape[1])))
    touched = np.concatenate(of)
    kept = np.delete(slotted, touched, axis=0)
    width = max(met.shape[1], int((kept < n_columns).sum(axis=1).max(initial=1)), 1)
    source, after = np.arange(n_rows + 1), np.full((n_rows + 1, width), n_columns)
    after[:-1, : min(width, slotted.shape[1])] = slotted[:, :width]
    place = np.arange(rows.size).reshape(rows.shape)
    real = rows < n_rows
    source[rows[real]] = n_rows + 1 + place[real]
    after[rows[real]] = n_columns
    after[rows[real], : met.shape[1]] = np.repeat(met, real.sum(axis=1), axis=0)
    return ColumnLevel(chosen, rows, own, met, slots, source, width), after[:-1]


def _find_slots(held: Integers, sought: Integers) -> Integers:
    """Return in which slot of a row each of some columns is, and the number of slots where it is in none."""
    same = held[..., None, :] == sought[..., :, None]
    return np.where(same.any(axis=-1), same.argmax(axis=-1), held.shape[-1])


def _color(entries: Integers, n_columns: int) -> Integers:
    """Return a color for each column, none of which a row holds twice; those that most rows hold come first."""
    rows_of: list[list[int]] = [[] for _ in range(n_columns + 1)]
    for number, row in enumerate(entries.tolist()):
        for column in row:
            rows_of[column].append(number)
    color, used = np.zeros(n_columns, dtype=np.int64), [set[int]() for _ in entries]
    for column in sorted(range(n_columns), key=lambda column: -len(rows_of[column])):
        taken = set().union(*(used[row] for row in rows_of[column]))
        color[column] = next(c for c in range(n_columns) if c not in taken)
        for row in rows_of[column]:
            used[row].add(int(color[column]))
    return color
