"""The program behind `boxsup STAGE …` and `python -m boxsup STAGE …`."""

from boxsup.machine.stopping import stop_at_signals


def main() -> None:
    """Run the command line."""
    stop_at_signals()  # before imports that take long
    from boxsup.cli import main as run

    run()


if __name__ == "__main__":
    main()
