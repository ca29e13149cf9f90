"""Closed forms in the table of orders, under the inverse on the command line, and on the page of a model."""

from __future__ import annotations

import json
import re

import numpyro
import numpyro.distributions as dist

import retrodict as rd
from retrodict.exact.comparing import list_closed
from retrodict.report import write_report


def groups():
    """Effects are Gaussian given their scale, which has no closed form."""
    scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    with numpyro.plate("group", 3):
        effect = numpyro.sample("effect", dist.Normal(0.0, scale))
        numpyro.sample("y", dist.Normal(effect, 1.0))


MODEL = rd.from_numpyro(groups, observed=["y"])


def test_the_table_of_orders_names_them() -> None:
    table = rd.compare(MODEL)
    assert table.closed == {"effect": "Gaussian"}
    assert str(table).splitlines()[-1] == "closed form, Gaussian: 'effect'"
    assert json.loads(json.dumps(table.to_dict()))["exact"] == [{"kind": "Gaussian", "latents": ["effect"]}]


def test_a_structure_has_none() -> None:
    assert rd.compare(MODEL.net).closed == {}
    assert "closed form" not in str(rd.compare(MODEL.net))


def test_they_are_those_of_amortize() -> None:
    for model in (rd.zoo.binary_tree(3), MODEL.observing(["y"])):
        posterior = rd.amortize(model, steps=0, quiet=True)
        expected = {name: form.kind for form in posterior.forms for name in form.variables}
        assert rd.compare(model).closed == expected == list_closed(model, posterior.inverse)


def test_an_order_that_draws_them_first_is_told_from_one_that_draws_them_last() -> None:
    assert list_closed(MODEL, rd.invert(MODEL, ["scale", "effect"])) == {"effect": "Gaussian, if drawn last"}
    assert list_closed(MODEL, rd.invert(MODEL, ["effect", "scale"])) == {"effect": "Gaussian"}


def test_the_command_line_shows_them(run) -> None:
    source = (f"{__name__}:groups", "--observed", "y")
    assert re.search(r"effect +y +Gaussian, if drawn last\s+scale +effect\s", run("invert", *source)[1])
    assert "closed form, Gaussian: 'effect'\n" in run("compare", *source)[1]
    assert re.search(r"x0 +x1 x2 +linear Gaussian\s", run("invert", "tree:3")[1])
    assert "closed form" not in run("invert", "asia")[1]


def test_the_page_of_a_model_holds_them(tmp_path) -> None:
    text = write_report(MODEL, tmp_path / "page.html", budget=0.1).read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.DOTALL)
    content = json.loads(data)
    assert {content["names"][int(place)]: kind for place, kind in content["closed"].items()} == {"effect": "Gaussian"}
