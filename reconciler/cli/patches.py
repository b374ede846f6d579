"""Shows how files would change, and changes them: texts go in, a unified diff or whole files come
out."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import unified_diff
from itertools import takewhile
from pathlib import Path
from tempfile import mkstemp

from reconciler.errors import ReconcilerError, StaleError
from reconciler.safe import safe

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BLANKS = re.compile(r"([\t\r])")
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Patch:
    """One file before and after; `name` is how people wrote it, `path` has all links resolved."""

    name: str
    path: str
    before: bytes
    after: bytes

    def diff(self) -> Iterator[str]:
        """The lines of a unified diff; what a terminal would act on is shown as its escape."""
        before, after = (_LINE.findall(data.decode()) for data in (self.before, self.after))
        name = safe(self.name)
        for number, line in enumerate(unified_diff(before, after, name, name)):
            if number < 2:
                yield line
                continue
            shown = "".join(p if p in "\t\r" else _shown(p) for p in _BLANKS.split(line[:-1]))
            end = (
                "\n"
                if line.endswith("\n")
                else safe(line[-1:]) + "\n\\ No newline at end of file\n"
            )
            yield shown + end

    def check(self) -> None:
        """Raise `ReconcilerError` for a file that is not to be written, or has other names, which
        would keep the old content."""
        try:
            state = Path(self.path).stat()
        except OSError as error:
            raise ReconcilerError(f"{self.name} cannot be written: {error.strerror}") from error
        if not state.st_mode & _WRITABLE or not os.access(self.path, os.W_OK):
            text = f"{self.name} is read-only ({stat.filemode(state.st_mode)})"
            raise ReconcilerError(f"{text}; nothing was written: make it writable first")
        if state.st_nlink > 1:
            text = f"{self.name} has {state.st_nlink} hard links, which writing would part"
            raise ReconcilerError(f"{text}; nothing was written: make it a file of its own first")

    def write(self) -> None:
        """Put the new content in the place of the old one, whole or not at all; mode and owner
        stay."""
        self.check()
        try:
            with _held(self.path):
                self._replace()
        except OSError as error:
            raise ReconcilerError(f"{self.name} cannot be written: {error.strerror}") from error

    def _replace(self) -> None:
        folder, name = os.path.split(self.path)
        if Path(self.path).read_bytes() != self.before:
            text = f"{self.name} was edited meanwhile; nothing was written: try again"
            raise StaleError(text)
        state = Path(self.path).stat()
        descriptor, temporary = mkstemp(prefix=f".{name}.", dir=folder)
        try:
            with open(descriptor, "wb") as file:
                file.write(self.after)
                file.flush()
                os.fsync(file.fileno())
            made = Path(temporary).stat()
            if (made.st_uid, made.st_gid) != (state.st_uid, state.st_gid):
                os.chown(temporary, state.st_uid, state.st_gid)
            Path(temporary).chmod(stat.S_IMODE(state.st_mode))
            Path(temporary).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise


@contextmanager
def _held(path: str) -> Iterator[None]:
    """Let no other edit of this program in, where the system can: whoever waited finds another file
    in the place of the one it has opened."""
    with open(path, "rb") as file:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _shown(text: str) -> str:
    """A line as it is, unless something in it is not printable: it may be a patch to apply."""
    return text if text.isprintable() else safe(text)


def create(texts: Mapping[str, str]) -> None:
    """Write new files and the folders they need, all of them or nothing. Raises `ReconcilerError`,
    also when there is such a file already."""
    undo: list[Callable[[], None]] = []
    path = ""
    try:
        for path, text in texts.items():
            above = takewhile(lambda folder: not folder.exists(), Path(path).parents)
            for folder in reversed(list(above)):
                with suppress(FileExistsError):  # another target of a fleet made it just now
                    folder.mkdir()
                    undo.append(folder.rmdir)
            with Path(path).open("x", encoding="utf-8", newline="\n") as file:
                undo.append(Path(path).unlink)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
    except BaseException as error:
        for step in reversed(undo):
            with suppress(OSError):
                step()
        if isinstance(error, OSError):
            raise ReconcilerError(_refused(path, error)) from error
        raise


def _refused(path: str, error: OSError) -> str:
    """Why a new file cannot be written, and what to do."""
    if isinstance(error, FileExistsError):
        return f"{path} exists, and is not overwritten: name another"
    return f"{path} cannot be written: {error.strerror}; nothing was written: name another place"
