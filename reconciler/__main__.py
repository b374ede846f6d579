"""`python -m reconciler`, and the `reconciler` command, are the command line."""

import signal


def main() -> None:
    """Run the command line; Ctrl-C while its modules are still being imported ends it silently."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from reconciler.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
