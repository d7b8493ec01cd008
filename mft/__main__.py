"""`python -m mft`: the same as the command `mft`."""

from mft.cli.main import main

if __name__ == "__main__":
    main()
