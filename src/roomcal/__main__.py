"""`python -m roomcal` is the `roomcal` command."""

from roomcal.cli.main import main

if __name__ == "__main__":
    main()
