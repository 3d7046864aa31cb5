# What is asked for by a name that is not there is said in a line, before anything is planned; no rules.
from snakemake.cli import get_argument_parser

from boxsup.targets import explain


def asked_targets():
    """The targets of the command line. Snakemake itself tells a Snakefile too late: after it was read."""
    if not workflow.is_main_process or "snakemake" not in Path(sys.argv[0]).parts[-2:]:
        return []
    return get_argument_parser().parse_known_args(sys.argv[1:])[0].targets


def made(target):
    """Whether a target is a rule, a file that is there, or what a rule makes."""
    path = os.path.relpath(target)
    return workflow.is_rule(target) or Path(path).exists() or any(rule.is_producer(path) for rule in workflow.rules)


for target in asked_targets():
    if not made(target):
        sys.exit(f"boxsup: error: {explain(os.path.relpath(target), CONFIG)}")
