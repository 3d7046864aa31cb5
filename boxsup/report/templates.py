"""The pages' templates and how numbers stand in them."""

from __future__ import annotations

from importlib.resources import files

import jinja2
import numpy as np
from markupsafe import Markup

NONE = "–"


def render_template(template: str, /, **values: object) -> str:
    """A template of this folder, filled in: HTML that asks for no other file.

    Args:
        template: Its file, which extends `base.html.j2`.
        **values: What it names; `style`, the style sheet, is there already.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("boxsup.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(files("boxsup.report").joinpath("style.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def percent(value: float) -> str:
    """A share in [0, 1] as per cent with one decimal; a dash for NaN."""
    return NONE if np.isnan(value) else f"{100 * value:.1f}"


def number(value: float, decimals: int) -> str:
    """A number with so many decimals and commas between thousands; a dash for NaN."""
    return NONE if np.isnan(value) else f"{value:,.{decimals}f}"
