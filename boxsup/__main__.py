"""`python -m boxsup STAGE …`."""

from boxsup.cli import main

if __name__ == "__main__":
    main()
