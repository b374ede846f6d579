"""What an exception that ends a command amounts to. It goes in, an exit code and one line come
out."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

import click

from reconciler.cli.exits import BugError, Exit, worst
from reconciler.errors import LockedError, ReconcilerError, StaleError
from reconciler.safe import safe

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a write says when there is no room for it, or nothing behind it any more."""


class Ending(NamedTuple):
    """How a command ended: `text` says why, and is of a `bug` when it is nobody's fault but
    ours."""

    code: Exit
    text: str
    bug: BaseException | None = None


def ending(error: Exception) -> Ending:
    """How a command ends that the error gets out of."""
    match error:
        case click.exceptions.Exit():
            return Ending(Exit(error.exit_code), "")
        case click.ClickException():  # the text may repeat the name of a file
            code = Exit.USAGE if isinstance(error, click.UsageError) else Exit.ERROR
            return Ending(code, safe(" ".join(error.format_message().split())))
        case ReconcilerError():
            code = Exit.STALE if isinstance(error, LockedError | StaleError) else Exit.ERROR
            return Ending(code, safe(str(error)))
        case OSError():
            return Ending(Exit.ERROR, safe(_words(error)))
    bug: BaseException = error
    code = Exit.ERROR
    if isinstance(error, BugError):
        bug, code = error.__cause__ or error, worst(error.code, code)
    return Ending(code, safe(f"{type(bug).__name__}: {bug}"), bug)


def _words(error: OSError) -> str:
    """What the system does not do, and where."""
    try:
        Path.cwd()
    except OSError:
        return "the working folder is not there any more: change to another one"
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    if error.errno in FULL:  # files are told by their names: this was stdout
        return f"standard output cannot be written: {error.strerror}"
    return str(error)
