"""Settings of the site: `make docs` builds it, warnings are errors, and nothing in it is loaded from elsewhere."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project, author = "retrodict", PROJECT["maintainers"][0]["name"]
copyright = author
version = release = PROJECT["version"]
repository = PROJECT["urls"]["Repository"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "building.docstrings",
    "building.formulas",
    "building.outside",
]
exclude_patterns = ["building", "live"]

# -- pages -------------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the pages of results are written with headings of their own
highlight_language = "none"

# -- tutorials ---------------------------------------------------------------------------------------

nb_execution_mode = "off"  # outputs are kept in the notebooks: docs/building/execute.py
nb_merge_streams = True

# -- reference ---------------------------------------------------------------------------------------

default_role = "py:obj"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
add_module_names = False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True
maximum_signature_line_length = 88

# -- the site ----------------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"retrodict {version}"
html_static_path = ["static", "../build/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
