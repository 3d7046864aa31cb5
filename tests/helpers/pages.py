"""What the report's tests read of a page."""

from __future__ import annotations

from html.parser import HTMLParser
from importlib.resources import files

VOID_ELEMENTS = {"meta", "img", "br", "link", "input"}
LOADING = {"src", "srcset", "poster", "data", "background", "action", "formaction"}
# What an experiment's page runs.
SCRIPT = "".join(
    files("boxsup.report").joinpath(name).read_text(encoding="utf-8")
    for name in ("shared/dom.js", "experiment/page.js")
)


class Page(HTMLParser):
    """Checks nesting and gathers what a page would load, its ids, its tables, its scripts and the text of the rest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.tags: set[str] = set()
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in LOADING or (name in ("href", "xlink:href") and tag != "a"):
                self.loads.append(value or "")
            if name == "href" and tag == "a":
                self.anchors.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID_ELEMENTS:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
            return
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data.strip()
