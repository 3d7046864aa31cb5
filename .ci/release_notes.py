"""Print what CHANGELOG.md says of a version, as the text of its release: `python .ci/release_notes.py 0.2.0`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"^## \[([^\]]+)\].*$", re.MULTILINE)


def notes(changelog: str, version: str) -> str:
    """The section of a version, without its title.

    Raises:
        SystemExit: There is none, or it is empty.
    """
    titles = list(VERSION.finditer(changelog))
    for title, after in zip(titles, [*titles[1:], None], strict=True):
        if title[1] == version:
            text = changelog[title.end() : after.start() if after else len(changelog)].strip()
            return text or sys.exit(f"CHANGELOG.md: nothing is said of {version}")
    return sys.exit(f"CHANGELOG.md: no version {version}; there are {', '.join(title[1] for title in titles)}")


def own_version() -> str:
    """The version in boxsup/version.py."""
    return re.findall(r'^VERSION = "(.+)"$', (ROOT / "boxsup/version.py").read_text(), re.MULTILINE)[0]


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    if asked != own_version():
        sys.exit(f"boxsup/version.py says {own_version()}, asked for is {asked}")
    print(notes((ROOT / "CHANGELOG.md").read_text(), asked))
