"""Saves a file so that whoever reads it meanwhile, or after a crash, sees the old content or the
new one, whole: a name and bytes go in."""

from __future__ import annotations

import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

STREAMS = ("/dev/", "/proc/")
"""Where names stand for what a process has open already, even if that is a file."""


def save(file: str, content: bytes) -> None:
    """Write a file anew beside the old one, and put it in its place. What is no file, such as a
    pipe, is written as it is, and so is a file in a folder where no other one can be made. Raises
    `OSError`."""
    real = Path(os.path.realpath(file))
    before = real.stat() if real.exists() else None
    if os.path.abspath(file).startswith(STREAMS) or (before and not stat.S_ISREG(before.st_mode)):
        Path(file).write_bytes(content)
        return
    beside = real.with_name(f".reconciler-{uuid.uuid4().hex}.tmp")
    try:
        made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except PermissionError:
        if before is None:
            raise
        real.write_bytes(content)
        return
    try:
        _fill(made, content, before)
        os.replace(beside, real)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _fill(made: int, content: bytes, before: os.stat_result | None) -> None:
    """Write what was opened to the disk, with the mode and owner of the file it replaces."""
    with open(made, "wb") as file:
        if before is not None:
            with suppress(PermissionError):
                os.fchown(made, before.st_uid, before.st_gid)
            os.fchmod(made, stat.S_IMODE(before.st_mode))
        file.write(content)
        file.flush()
        os.fsync(made)
