"""The pictures of the glossary, drawn from the code as it is: ``python docs/building/words.py``."""

from __future__ import annotations

from pathlib import Path

import retrodict as rd

FOLDER = Path(__file__).parents[1] / "figures"


def draw_words() -> dict[str, str]:
    """Return the pictures by the names of their files."""
    causes = rd.BayesNet({"flu": [], "cold": [], "fever": ["flu", "cold"]}, observed=["fever"])
    more = rd.BayesNet({"flu": [], "cold": [], "fever": ["flu", "cold"], "absent": ["fever"]}, observed=["fever"])
    pictures = {
        "model": causes.plot(),
        "inverse": rd.invert(causes).plot(),
        "missing": rd.certify(rd.reversal(causes)).plot(),
        "removable": rd.certify(rd.fully_connected(rd.zoo.hmm(3).net)).plot(),
        "barren": rd.invert(more).plot(),
    }
    return {f"word_{word}.svg": picture.to_svg() for word, picture in pictures.items()}


if __name__ == "__main__":
    for name, text in draw_words().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
