"""Paths in; the regular files they stand for, and their bytes, out: never one outside its root."""

from __future__ import annotations

import os
import stat
from collections import deque
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from reconciler.spec.problems import shown

INCLUDE_BYTES = 1024 * 1024
"""The largest file that `!file` reads, in bytes."""

# A FIFO must not block the open, and the last step must still be the file that was resolved.
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


class Unreadable(Exception):
    """A file that may not or cannot be read: code, message and hint of its problem."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: `name` as people wrote it, `path` and `root` with all links resolved."""

    name: str
    path: str
    root: str


def find(path: str) -> tuple[list[Found], list[tuple[str, Unreadable]]]:
    """Give the file at `path`, or every YAML file below the folder there, and what was not usable.

    Files are sorted by name; names that start with "." are skipped.
    """
    try:
        real = os.path.realpath(path)
        is_folder = stat.S_ISDIR(os.stat(real).st_mode)
    except (OSError, ValueError) as error:
        return [], [(path, _unreadable(error))]
    if not is_folder:
        return [Found(path, real, os.path.dirname(real))], []
    found: list[Found] = []
    unusable: list[tuple[str, Unreadable]] = []
    _walk(path, real, found, unusable)
    if not found and not unusable:
        unusable.append((path, Unreadable("E002", "no *.yaml or *.yml file in this folder")))
    return sorted(found, key=lambda file: file.name.split(os.sep)), unusable


def finds(path: str, file: str) -> bool:
    """Whether `find` gives this file for a path, or would if the file was there."""
    real, root = PurePath(os.path.realpath(file)), os.path.realpath(path)
    if real == PurePath(root) or str(real) in {one.path for one in find(path)[0]}:
        return True
    if not os.path.isdir(root) or not _inside(str(real), root):
        return False
    parts = real.relative_to(root).parts
    return _is_yaml(real.name) and not any(part.startswith(".") for part in parts)


def read_bytes(path: str, limit: int) -> bytes:
    """Give the content of the regular file at `path`; raise `Unreadable` over `limit` bytes."""
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable("E003", "not a regular file", "only regular files are read")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(limit + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from None
    return _bounded(data, limit)


def read_stream(stream: BinaryIO | None, limit: int) -> bytes:
    """Give what standard input holds; raise `Unreadable` when over `limit` bytes or closed."""
    if stream is None:
        raise Unreadable("E001", "cannot be read: there is no standard input")
    try:
        data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from None
    return _bounded(data, limit)


def read_text(written: str, folder: str, root: str) -> str:
    """Give the text of the file that a YAML file in `folder` names; raise `Unreadable`.

    The file must lie inside `root` after all links are resolved, and be UTF-8.
    """
    try:
        path = os.path.realpath(os.path.join(folder, written))
    except (OSError, ValueError) as error:
        raise _unreadable(error) from None
    if not _inside(path, root):
        raise _outside()
    data = read_bytes(path, INCLUDE_BYTES)
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable("E007", f"not UTF-8 at byte {error.start}", "save it as UTF-8") from None


def _walk(name: str, root: str, found: list[Found], unusable: list[tuple[str, Unreadable]]) -> None:
    # Linked folders wait at the end: most of what they lead to is then known at its own place.
    queue, seen = deque([(name, root)]), set[str]()
    while queue:
        folder, path = queue.popleft()
        if path in seen:
            continue
        seen.add(path)
        try:
            entries = list(os.scandir(path))
        except OSError as error:
            unusable.append((folder, _unreadable(error)))
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            below = os.path.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                queue.appendleft((below, entry.path))
                continue
            target = os.path.realpath(entry.path)
            is_folder = os.path.isdir(target)
            if not _is_yaml(entry.name) and not is_folder:
                continue
            if not _inside(target, root):
                unusable.append((below, _outside()))
            elif is_folder:
                queue.append((below, target))
            else:
                found.append(Found(below, target, root))


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _bounded(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise Unreadable(
            "E005", f"larger than {limit} bytes", "split it, or leave out what is not needed"
        )
    return data


def _inside(path: str, root: str) -> bool:
    return PurePath(path).is_relative_to(root)


def _outside() -> Unreadable:
    return Unreadable("E004", "leads outside the folder that was given", "copy it into that folder")


def _unreadable(error: OSError | ValueError) -> Unreadable:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Unreadable("E001", f"cannot be read: {shown(reason)[1:-1]}")
