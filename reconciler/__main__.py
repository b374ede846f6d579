"""`python -m reconciler`, and the `reconciler` command, are the command line."""

import os
import sys


def _forget_working_folder() -> None:
    """Look for no module in the working folder, where `python -m` makes Python look first: in
    somebody else's repository a yaml.py there would be run."""
    try:
        here = os.getcwd()
    except OSError:  # it was deleted
        here = ""
    if not sys.flags.safe_path and sys.path[:1] in ([here], [""]):
        del sys.path[0]


def _open_standard_files() -> None:
    """Put nothing where a standard file is closed: the next file that is opened would get its
    number, and what is meant for people would be written into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def spare_the_collector() -> None:
    """Look for garbage in cycles once there may be much of it, and not at all when everything goes:
    that is a quarter of the time of a short command. What is imported stays anyway."""
    gc.set_threshold(COLLECTED, 10, 10)
    atexit.register(gc.freeze)


if __name__ == "__main__":
    _forget_working_folder()  # before any import that Python itself has not made by now

import atexit  # noqa: E402
import gc  # noqa: E402
import signal  # noqa: E402

COLLECTED = 100_000
"""New objects that may hold others after which the collector looks at them."""


def main() -> None:
    """Run the command line; Ctrl-C while its modules are still being imported ends it silently."""
    _open_standard_files()
    spare_the_collector()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from reconciler.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
