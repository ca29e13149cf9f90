"""The record of training, epoch by epoch: a line, a table, curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrodict.packages import require
from retrodict.pictures.table import Table, Tabular

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The most epochs of a table, at about equal distances, the first and the last among them; the best is added.
MOST_EPOCHS = 12


@dataclass(frozen=True, repr=False)
class History(Tabular):
    """The numbers recorded at the end of each epoch, in order.

    Arguments:
        step: minibatches so far.
        train: mean objective over the epoch, in nats.
        test: objective on the same held-out simulations or data after each epoch, in nats.
        watched: further numbers that the caller measured, by name.

    >>> history = History((25, 50, 75), (4.0, 2.5, 2.2), (3.0, 2.0, 2.1))
    >>> history
    History(3 epochs, 75 steps, held-out 2.1, best 2 at step 50)
    >>> print(history)
    epoch  step  training  held-out
    1        25         4         3
    2        50       2.5         2  best
    3        75       2.2       2.1
    """

    step: tuple[int, ...] = ()
    train: tuple[float, ...] = ()
    test: tuple[float, ...] = ()
    watched: tuple[Mapping[str, float], ...] = ()

    def __repr__(self) -> str:
        if not self.test:
            return "History(no epochs)"
        epochs = f"{len(self.test):,} epoch{'s' if len(self.test) > 1 else ''}"
        best = f"{self.test[self._best]:.5g} at step {self.step[self._best]:,}"
        return f"History({epochs}, {self.step[-1]:,} steps, held-out {self.test[-1]:.5g}, best {best})"

    def __str__(self) -> str:
        return str(self.table) if self.test else repr(self)

    @property
    def table(self) -> Table:
        """Some of the epochs, the best one marked."""
        last = len(self.test) - 1
        spread = np.linspace(0, last, MOST_EPOCHS).round().astype(int).tolist() if self.test else []
        chosen = sorted({*spread, self._best} if self.test else ())
        rows = [self._write_epoch(epoch) for epoch in chosen]
        marked = [row for row, epoch in enumerate(chosen) if epoch == self._best]
        return Table(("epoch", "step", "training", "held-out", ""), rows, "", marked, remarks=True)

    @property
    def epochs_since_best(self) -> int:
        """The number of epochs after the one with the lowest test objective.

        >>> History((25, 50, 75), (3.5, 2.5, 2.0), (3.0, 1.0, 2.0)).epochs_since_best
        1
        """
        return len(self.test) - 1 - int(np.argmin(self.test))

    @property
    def converged(self) -> bool | None:
        """Whether the objective had stopped to fall while the learning rate was high (`Pace`); None if not recorded.

        It is ``settled`` in what is `watched` at the last epoch. Where it is false, training ended with its budget.

        >>> History((25,), (3.0,), (3.0,), ({"settled": 0.0},)).converged
        False
        """
        settled = self.watched[-1].get("settled") if self.watched else None
        return None if settled is None else bool(settled)

    @property
    def overfitted(self) -> int | None:
        """The step after which training learned its simulations by heart, if it did; the parameters are those of it.

        There the held-out objective was lowest; at the end it lay above by more than its noise, while that of training
        had gone on to fall.

        >>> watched = ({"noise": 0.0}, {"noise": 0.01}, {"noise": 0.01})
        >>> History((0, 25, 50), (3.0, 2.0, 1.0), (3.0, 2.2, 2.5), watched).overfitted
        25
        """
        if not self.test or not self.watched:
            return None
        noise, best = self.watched[-1].get("noise", np.inf), self._best
        learned = self.train[-1] < self.train[best] and self.test[-1] - self.test[best] > noise
        return self.step[best] if learned else None

    @property
    def steps_since_best(self) -> int:
        """The number of steps after the epoch with the lowest test objective."""
        return self.step[-1] - self.step[self._best]

    def extend(self, step: int, train: float, test: float, watched: Mapping[str, float]) -> History:
        """Return the history with one epoch more."""
        return History((*self.step, step), (*self.train, train), (*self.test, test), (*self.watched, watched))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers by name, with NaN where an epoch lacks what others watched."""
        named = sorted(set().union(*self.watched))
        arrays: dict[str, NDArray[Any]] = {"step": np.array(self.step, np.int64)}
        arrays |= {name: np.array(getattr(self, name), np.float64) for name in ("train", "test")}
        watched = {name: [numbers.get(name, np.nan) for numbers in self.watched] for name in named}
        return arrays | {f"watched.{name}": np.array(numbers, np.float64) for name, numbers in watched.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> History:
        """Return the history that `to_arrays` wrote.

        Raises: `ValueError` for arrays of other shapes.

        >>> history = History((25,), (4.0,), (3.0,), ({"kl": 0.5},))
        >>> History.from_arrays(history.to_arrays()) == history
        True
        """
        step, train, test = (arrays[name] for name in ("step", "train", "test"))
        watched = {name[8:]: array for name, array in arrays.items() if name.startswith("watched.")}
        if any(array.shape != (len(step),) for array in (train, test, *watched.values())):
            raise ValueError("the numbers of its history are not as many as its epochs")
        named = tuple(
            {name: float(values[i]) for name, values in watched.items() if not np.isnan(values[i])}
            for i in range(len(step))
        )
        return cls(tuple(step.tolist()), tuple(train.tolist()), tuple(test.tolist()), named)

    def plot(self) -> Figure:
        """Return a figure of the objective in training and on held-out simulations, against steps.

        Returns: a figure of matplotlib.

        Raises: `MissingPackageError` when matplotlib is not installed.
        """
        figure = require("matplotlib.figure", extra="plot", purpose="to draw figures").Figure(
            figsize=(6.0, 3.6), layout="constrained"
        )
        axis = figure.subplots()
        axis.plot(self.step, self.train, color="#8b949e", label="training, mean over the epoch")
        axis.plot(self.step, self.test, color="#0072B2", label="held-out simulations")
        if self.test:
            best = self._best
            axis.plot(self.step[best], self.test[best], "o", color="#D55E00", label=f"best, step {self.step[best]:,}")
        axis.set(xlabel="step (minibatches)", ylabel="objective (nats)")
        axis.legend(frameon=False)
        return figure

    @property
    def _best(self) -> int:
        """The epoch with the lowest test objective."""
        return len(self.test) - 1 - self.epochs_since_best

    def _write_epoch(self, epoch: int) -> tuple[str, ...]:
        objectives = (f"{values[epoch]:.5g}" for values in (self.train, self.test))
        return f"{epoch + 1:,}", f"{self.step[epoch]:,}", *objectives, "best" if epoch == self._best else ""


def find_gains(history: History) -> list[bool]:
    """Return which epochs gained: more than the noise of the difference from the last one that did, the first aside.

    >>> watched = ({"noise": 0.0}, {"noise": 0.5}, {"noise": 0.5})
    >>> find_gains(History((0, 25, 50), (3.0, 2.0, 1.0), (3.0, 2.6, 2.2), watched))
    [False, False, True]
    """
    gains, best = [], None
    for epoch, value in enumerate(history.test):
        noise = history.watched[epoch].get("noise", 0.0) if history.watched else 0.0
        gained = best is not None and value < best - noise
        best = value if best is None or gained else best
        gains.append(gained)
    return gains
