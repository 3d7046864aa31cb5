"""The page of a review, which asks its server for everything that it shows."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from markupsafe import Markup

from boxsup.report.shared.templates import content_policy, render_template

SCRIPTS = ("shared/dom.js", "review/picture.js", "review/page.js")


@cache
def render_page() -> tuple[str, str]:
    """The page's HTML, and its Content-Security-Policy: it may call the server that it came from, and nothing else."""
    folder = files("boxsup.report")
    script = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS)
    policy = content_policy(script, images="'self'", calls="'self'")
    html = render_template("review/page.html.j2", script=Markup(script), csp=policy)
    return html, policy + "; frame-ancestors 'none'"
