"""The same templates by default, where closed forms draw all latents: results/hierarchical_default.json.

Nothing is trained; what is asked beyond the sizes at which a template was read is answered by the same closed forms.
"""

from __future__ import annotations

import json
import time

import retrodict as rd
from benchmarks.hierarchical.exact_templates import GAUSSIAN, ExactTemplate, HiddenMarkov
from benchmarks.hierarchical.run import LENGTH, MISSING, Figures, ask, compare_marginals
from benchmarks.stamp import ROOT
from retrodict.files.whole import write_whole

RESULTS = ROOT / "benchmarks" / "results" / "hierarchical_default.json"
QUESTIONS = 2


def run_gaussian(case: ExactTemplate) -> Figures:
    """Return the KL from the exact posterior inside and beyond, and the seconds from the model to a posterior."""
    start = time.monotonic()
    posterior = rd.amortize(case.at(case.trained), missing=MISSING, steps=0, quiet=True)
    seconds = time.monotonic() - start
    inside = ask(posterior, case.at(case.trained), [case.trained] * QUESTIONS)
    twice = ask(posterior, case.at(case.twice), [case.twice] * QUESTIONS)
    return {"seconds": seconds, "inside": inside, "twice": twice}


def run_markov() -> Figures:
    """Return the mean total variation of the marginals of states of draws, and that of draws of exact marginals."""
    exact, start = HiddenMarkov.draw(), time.monotonic()
    posterior = rd.amortize(exact.at(100), missing=MISSING, steps=0, quiet=True)
    found = {"seconds": time.monotonic() - start}
    for label, length in (("inside", 100), ("twice", LENGTH)):
        found |= compare_marginals(posterior, exact, label, length)
    return found


def main() -> None:
    """Measure all, and write the results."""
    found = {name: run_gaussian(case) for name, case in GAUSSIAN.items()}
    found["hidden Markov"] = run_markov()
    print(found)
    write_whole(RESULTS, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
