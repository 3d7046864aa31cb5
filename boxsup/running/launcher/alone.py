"""Runs this copy of the package without the packages that are installed beside it.

Jobs in an environment of `--sdm conda` have to run the workflow's own version of the code, wherever that is: in a
clone, or among the packages of the environment that Snakemake runs in. If that folder were in the search path, they
would see the other packages there too, and no environment of their own would be used. So `boxsup` is put among the
loaded modules by itself. Worker processes run this file again before they import anything of it.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]

if "boxsup" not in sys.modules:
    spec = spec_from_file_location("boxsup", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules["boxsup"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["boxsup"])

if __name__ == "__main__":
    from boxsup.__main__ import main

    main()
