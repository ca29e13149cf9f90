"""A coverage-guided fuzzer of the BIF reader (atheris): looks for a text that raises what is no error of the library.

    make fuzz FUZZ_SECONDS=600

What it finds interesting is kept in build/fuzz, and the next run begins there.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["retrodict"]):
    import retrodict as rd
    from retrodict.errors import RetrodictError
    from retrodict.read.bif.bif_reader import parse_bif


def test_one(data: bytes) -> None:
    """Read a text; what is read must have a faithful inverse."""
    try:
        inverse = rd.invert(parse_bif(data.decode("utf-8", "replace")), order="min-degree")
    except RetrodictError:
        return
    if not rd.certify(inverse):
        raise AssertionError("an unfaithful inverse")


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()
