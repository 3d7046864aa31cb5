"""The documentation as a site: `make docs` builds it into results/site; a warning is an error."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "BoxSup"
author = "the BoxSup authors"
copyright = "the BoxSup authors; MIT licence"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["results"]
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
copybutton_exclude = ".linenos, .gp, .go"  # prompts and what a program prints

html_theme = "furo"
html_title = "BoxSup"
html_static_path: list[str] = []

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# References in the pages must lead somewhere; types in signatures, most of them numpy's, need not.
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:(meth|exc|func)", r"(?!boxsup\.).*")]


def as_restructured_text(
    app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]
) -> None:
    """Docstrings are plain text with `code`: make that literal, and keep signs that would mean something."""
    for number, line in enumerate(lines):
        parts = re.split(r"(`+[^`]+`+)", line)
        parts[0::2] = [part.replace("|", r"\|") for part in parts[0::2]]
        parts[1::2] = [f"``{part.strip('`')}``" for part in parts[1::2]]
        lines[number] = "".join(parts)


def with_short_arrays(
    app: Sphinx, what: str, name: str, documented: object, options: object, arguments: str, returned: str
) -> tuple[str, str]:
    """`NDArray[uint8]` as it stands in the source, not what it is short for."""
    long = r"ndarray\[tuple\[Any, \.\.\.\], dtype\[([\w.]+)\]\]"
    short = (re.sub(long, r"NDArray[\1]", text) if text else text for text in (arguments, returned))
    return next(short), next(short)


def write_mathml(writer: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Equations as MathML: browsers draw it themselves, without a script and without a network."""
    block = isinstance(node, nodes.math_block)
    mathml = tex2mathml(node.astext(), as_block=block)
    writer.body.append(f'<div class="math">{mathml}</div>\n' if block else mathml)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx; before napoleon, which takes the lines from us."""
    app.add_html_math_renderer("mathml", (write_mathml, None), (write_mathml, None))
    app.connect("autodoc-process-docstring", as_restructured_text, priority=400)
    app.connect("autodoc-process-signature", with_short_arrays)
