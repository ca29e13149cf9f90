"""The verdict on an inverse, with the latents of its model that need no network."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, overload

from retrodict.certificate import certify as by_separation
from retrodict.certificate.certify import BringsJudge, Certificate, Verdict
from retrodict.exact.comparing import Awaited, list_closed
from retrodict.graph.bayesnet import BayesNet, HasStructure
from retrodict.graph.inverse import Inverse


@overload
def certify(inverse: Inverse) -> Certificate: ...
@overload
def certify(inverse: BringsJudge[Verdict]) -> Verdict: ...
def certify(inverse: Any) -> Any:
    r"""Return the verdict on an inverse: which edges it lacks and which it could do without.

    A known variable :math:`u` must be a parent of :math:`v` exactly if :math:`u` and :math:`v` are
    d-connected given :math:`K \setminus u`, with :math:`K` all that is known when :math:`v` is drawn.

    The verdict is exact and takes time about linear in what is stored of the inverse, times the number of phases
    (see `certificate/families.py`).

    Arguments:
        inverse: what `invert`, `reversal`, `mean_field` or `fully_connected` made of a model or net, or what `invert`
            made of a `Template`, which is judged for all sizes.

    Returns: a `Certificate`, true when the inverse is faithful; it names the latents that have closed forms along the
    inverse of a model. A `LiftedCertificate` of a `LiftedInverse`.

    Raises: `GuideError` for what is not an `Inverse`, `SizeError` where parent sets can be compared only when they are
    written out, and are too large for that.

    >>> from retrodict import BayesNet, invert, reversal
    >>> net = BayesNet({"a": [], "b": [], "c": ["a", "b"]}, observed=["c"])
    >>> bool(certify(invert(net))), certify(reversal(net)).missing[0].drawing
    (True, 'b -> c <- a')

    """
    verdict = by_separation.certify(inverse)
    model = inverse.model if isinstance(inverse, Inverse) else None
    return verdict if model is None else tell_closed(verdict, model)


def tell_closed(certificate: Certificate, model: BayesNet | HasStructure) -> Certificate:
    """Return a certificate that says which latents of a model have closed forms along its inverse, once it is asked.

    >>> from retrodict import invert, zoo
    >>> model = zoo.binary_tree(depth=2)
    >>> dict(tell_closed(certify(invert(model.net)), model).closed)
    {'x0': 'linear Gaussian'}
    """
    return replace(certificate, closed=Awaited(partial(list_closed, model, certificate.inverse)))
