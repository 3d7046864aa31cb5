# Explains targets that no rule makes, in one line, before anything is planned; no rules.
from snakemake.cli import get_argument_parser

from boxsup.targets import explain


def asked_targets():
    """The targets of the command line, which Snakemake tells a Snakefile only after reading it: too late."""
    is_module = not workflow.modifier.is_main_snakefile()  # another workflow has targets of its own
    if is_module or not workflow.is_main_process or "snakemake" not in Path(sys.argv[0]).parts[-2:]:
        return []
    return get_argument_parser().parse_known_args(sys.argv[1:])[0].targets


def is_known(target):
    """Whether a target is a rule, an existing file, or a file that a rule makes."""
    path = os.path.relpath(target)
    return workflow.is_rule(target) or Path(path).exists() or any(rule.is_producer(path) for rule in workflow.rules)


for target in asked_targets():
    if not is_known(target):
        sys.exit(f"boxsup: error: {explain(os.path.relpath(target), CONFIG)}")
