"""The page of NumPyro's examples says what results say."""

from __future__ import annotations

from benchmarks.examples.cases import CASES
from benchmarks.examples.page import write_page

OTHERS = {"AutoMultivariateNormal": None, "AutoIAFNormal": None}
ROWS = [
    {"program": "a:model", "status": "guided", "elbo": {"AutoFaithful": -3.0, "AutoNormal": -2.8, **OTHERS}},
    {"program": "b:model", "status": "guided", "elbo": {"AutoFaithful": -9.0, "AutoNormal": -8.0, **OTHERS}},
    {"program": "c:model", "status": "refused", "reason": "the site 'x' | no"},
    {"program": "d:model", "status": "not imported", "reason": "No module named 'seaborn'"},
]


def test_shares_are_those_of_the_results():
    page = write_page({row["program"]: row for row in ROWS})
    assert "**2 of 3 programs that can be imported are read and guided, 1 is not**" in page
    assert f"; {len(CASES) - 4} of {len(CASES)} were not looked at." in page
    assert "**1 of 2** programs" in page
    assert "| `a:model` | -3.00 | -2.80 | - | - |" in page
    assert "| `c:model` | refused: the site 'x' \\| no |" in page


def test_programs_have_labels_of_their_own():
    assert len({case.label for case in CASES}) == len(CASES)
