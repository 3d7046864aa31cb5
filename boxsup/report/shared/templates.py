"""Fills in the templates of the pages, and formats the numbers in them."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

import jinja2
import numpy as np
from markupsafe import Markup

NONE = "–"


def render_template(template: str, /, **values: object) -> str:
    """Fill in a template and return HTML that loads no other file.

    Args:
        template: Path below `boxsup/report`, for instance "experiment/page.html.j2"; it extends `shared/base.html.j2`.
        **values: The variables of the template. Two functions are added: `include(PATH)`, the text of a style sheet or
            script below `boxsup/report`, and `policy(SCRIPT)`, the Content-Security-Policy that allows this script.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("boxsup.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    return environment.get_template(template).render(include=_file, policy=content_policy, **values)


def _file(path: str) -> Markup:
    """The text of a style sheet or script, which the page takes in unescaped."""
    return Markup(files("boxsup.report").joinpath(path).read_text(encoding="utf-8"))


def content_policy(script: str = "", images: str = "", calls: str = "'none'") -> str:
    """The page's Content-Security-Policy: it may show embedded pictures and run this script, nothing else.

    Names of classes and images are escaped. If one ever were not, no browser would run it.

    Args:
        script: The text of the script.
        images: Where other pictures may come from, as the policy spells it.
        calls: What the script may call.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    run = f"'sha256-{digest}'" if script else "'none'"
    rest = "base-uri 'none'; form-action 'none'"
    called = "" if calls == "'none'" else f" connect-src {calls};"
    sources = f"img-src {' '.join(filter(None, ['data:', images]))};"
    return f"default-src 'none'; {sources}{called} style-src 'unsafe-inline'; script-src {run}; {rest}"


def percent(value: float) -> str:
    """A share in [0, 1] as per cent with one decimal; a dash for NaN.

    >>> percent(0.5), percent(float("nan"))
    ('50.0', '–')
    """
    return NONE if np.isnan(value) else f"{100 * value:.1f}"


def percent_and_spread(mean: float, spread: float, none: str = NONE) -> str:
    """Mean and spread, shares in [0, 1], as per cent with one decimal.

    Args:
        mean: Mean over seeds.
        spread: Standard deviation over seeds; left out if it is NaN, because there is one seed.
        none: The text to return if the mean is NaN.

    >>> percent_and_spread(0.5, 0.0125), percent_and_spread(0.5, float("nan"))
    ('50.0 ± 1.2', '50.0')
    """
    if np.isnan(mean):
        return none
    return percent(mean) if np.isnan(spread) else f"{percent(mean)} ± {percent(spread)}"


def rounded(value: float, decimals: int) -> float | None:
    """A number for JSON, which has no NaN: None in its place.

    >>> rounded(0.126, 2), rounded(float("nan"), 2)
    (0.13, None)
    """
    return None if np.isnan(value) else round(float(value), decimals)


def number(value: float, decimals: int) -> str:
    """A number as text with commas between thousands; a dash for NaN.

    >>> number(1234.56, 1)
    '1,234.6'
    """
    return NONE if np.isnan(value) else f"{value:,.{decimals}f}"
