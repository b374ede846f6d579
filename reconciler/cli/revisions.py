"""Takes files out of a Git revision: a revision and paths go in, what they declared then comes out.

Git only reads objects here (`ls-tree`, `cat-file`): attributes and filters of the tree, which may
be anybody's, have no say.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from reconciler.errors import ReconcilerError, SpecError
from reconciler.resource import Desired
from reconciler.spec.document import load
from reconciler.spec.problems import root_cause
from reconciler.spec.source import Limits

SECONDS = 60
"""How long git may take."""
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_INDEX_FILE")
"""What git sets for its hooks, and what leads from the files to another repository."""
INCLUDED = re.compile(rb"!file[^\n]*(?:\n[^\n]*){0,2}")
"""Where YAML names a file: beside the tag, or below it."""


def desired_at(
    revision: str,
    paths: Sequence[str],
    owner: str | None,
    variables: Mapping[str, str] | None = None,
) -> Desired:
    """What the files at these paths declared in a revision, `revision` being anything that git
    takes for a commit that has them. `owner` goes before the one that they had then. Raises
    `ReconcilerError`."""
    with TemporaryDirectory() as folder:
        taken: list[str] = []
        places: dict[str, Path] = {}
        for path in paths:
            tree = _Tree.of(revision, path)
            root = places.setdefault(tree.repository, Path(folder, str(len(places))))
            if (found := tree.extracted(root)) is None:
                text = f"--base: {path} was not there in {revision}, and no drift can be told from"
                raise ReconcilerError(f"{text} what is new: give a revision that has it")
            taken.append(found)
        try:
            return load(taken, owner=owner, variables=variables)
        except SpecError as error:
            first = root_cause(error.problems)
            text = f"{first.file}:{first.line}:{first.column}: {first.code} {first.message}"
            text += f" ({first.hint})" if first.hint else ""
            text = re.sub(rf"{re.escape(folder)}/\d+/", "", text)
            raise ReconcilerError(f"the files of {revision} are not valid: {text}") from error


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file, or a symbolic link, in a commit."""

    path: str
    id: bytes
    size: int
    is_link: bool

    @property
    def name(self) -> bytes:
        return os.fsencode(self.path.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class _Tree:
    """A path in a commit of a repository. What belongs to it is its folder, since files may name
    others beside them."""

    repository: str
    commit: str
    path: PurePosixPath
    is_folder: bool

    @classmethod
    def of(cls, revision: str, path: str) -> _Tree:
        if path == "-":
            raise ReconcilerError("--base does not go with -: standard input has no history")
        real = Path(path).resolve()
        where = str(real if real.is_dir() else real.parent)
        top = _top(where)
        commit = _commit(where, revision)
        inside = PurePosixPath(real.relative_to(Path(top).resolve()).as_posix())
        return cls(top, commit, inside, real.is_dir())

    def extracted(self, root: Path) -> str | None:
        """The path inside of `root`, where the files are written to; None if it is not there."""
        folder = self.path if self.is_folder else self.path.parent
        links: list[tuple[Path, str]] = []
        for blob, content in self._needed(folder):
            target = root / blob.path
            if ".." in target.parts:
                raise ReconcilerError(f"{self.commit} holds a file named {blob.path}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if blob.is_link:
                links.append((target, os.fsdecode(content)))
            else:
                target.write_bytes(content)
        for target, to in links:  # last: nothing is written through one
            if not target.is_symlink():  # another path has led here
                target.symlink_to(to)
        found = root / self.path
        exists = any(found.rglob("*.y*ml")) if self.is_folder else found.exists()
        return str(found) if exists else None

    def _needed(self, folder: PurePosixPath) -> Iterator[tuple[_Blob, bytes]]:
        """What is read there, with its content: YAML, symbolic links, and what these name. All the
        rest of a repository, which may be large, stays where it is."""
        left = {blob.path: blob for blob in self._listed(folder)}
        wanted = [blob for blob in left.values() if blob.is_link or self._is_read(blob.path)]
        while wanted:
            said: list[bytes] = []
            for blob, content in self._contents(wanted):
                del left[blob.path]
                said += [content] if blob.is_link else INCLUDED.findall(content)
                yield blob, content
            names = b"\n".join(said)
            wanted = [blob for blob in left.values() if blob.name in names]

    def _is_read(self, path: str) -> bool:
        return path.endswith((".yaml", ".yml")) if self.is_folder else path == str(self.path)

    def _listed(self, folder: PurePosixPath) -> Iterator[_Blob]:
        """Each file below a folder that is not too large to be read."""
        listed = _git(self.repository, "ls-tree", "-r", "-l", "-z", self.commit, "--", f"{folder}/")
        for line in listed.split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, kind, id_, length = facts.split()
            if kind == b"blob" and int(length) <= Limits().bytes:
                yield _Blob(os.fsdecode(path), id_, int(length), mode == b"120000")

    def _contents(self, blobs: Sequence[_Blob]) -> Iterator[tuple[_Blob, bytes]]:
        ids = b"".join(blob.id + b"\n" for blob in blobs)
        content = BytesIO(_git(self.repository, "cat-file", "--batch", said=ids))
        for blob in blobs:
            content.readline()  # the id, type and size of what follows, and a line end after it
            yield blob, content.read(blob.size + 1)[:-1]


def _top(folder: str) -> str:
    """The top of the repository that a folder is in."""
    try:
        return _git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")
    except _SaidNoError as error:
        todo = "give --base only for files in a repository that you own"
        raise ReconcilerError(f"{error}: {todo}") from error


def _commit(folder: str, revision: str) -> str:
    """The id of a commit."""
    wanted = f"{revision}^{{commit}}"
    try:
        found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    except _SaidNoError as error:
        shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"
        todo = "fetch it (the clone is shallow)" if shallow else "fetch it"
        text = f"--base: {revision!r} is no commit that {folder} knows: {todo}, or name another one"
        raise ReconcilerError(text) from error
    return found.decode().strip()


class _SaidNoError(ReconcilerError):
    """Git said no."""


def _git(folder: str, *arguments: str, said: bytes = b"") -> bytes:
    """What git answers to arguments and standard input; it is not to write anything."""
    command = ["git", "-C", folder, *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command on the user's own repository
            command, input=said, capture_output=True, check=True, env=environment, timeout=SECONDS
        )
    except FileNotFoundError as error:
        raise ReconcilerError("--base needs git, which is not installed") from error
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.decode(errors="replace").split())
        raise _SaidNoError(f"--base: in {folder} git says: {words or error}") from error
    except subprocess.TimeoutExpired as error:
        raise ReconcilerError(f"--base: git took longer than {SECONDS} s") from error
    return done.stdout
