"""`python -m reconciler` is the command line."""

from reconciler.cli.main import main

main()
