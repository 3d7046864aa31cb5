"""Writes the files that are generated from the models, or checks them: `python -m boxsup.config [--check]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boxsup.config.comments import with_defaults
from boxsup.config.reference import catalogue_text, reference_text
from boxsup.config.schema import schema_text

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write the schema, the pages of settings and the defaults in `config.yaml`; with `--check`, compare them only."""
    parser = argparse.ArgumentParser(prog="python -m boxsup.config", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file is out of date")
    args = parser.parse_args()
    generated = generated_files().items()
    stale = {path: text for path, text in generated if not path.exists() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)}: {'out of date; run `make settings`' if args.check else 'written'}")
        if not args.check:
            path.write_text(text, "utf-8")
    sys.exit(1 if args.check and stale else 0)


def generated_files() -> dict[Path, str]:
    """Path -> text of each file that is generated from the models."""
    config = ROOT / "config.yaml"
    return {
        ROOT / "workflow/schemas/config.schema.json": schema_text(),
        ROOT / "docs/settings.md": reference_text(),
        ROOT / "config/README.md": catalogue_text(),
        config: with_defaults(config.read_text("utf-8")),
    }


if __name__ == "__main__":
    main()
