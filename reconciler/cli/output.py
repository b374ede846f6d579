"""Writes documents where `--output` says: formats and files go in, text on stdout or in files
comes out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from reconciler.cli.saving import save
from reconciler.errors import ReconcilerError
from reconciler.render import FORMATS, appended, check, only_for, render
from reconciler.safe import safe


@dataclass(frozen=True, slots=True)
class Output:
    """One format and the file it goes to; no file, or `-`, means stdout."""

    format: str
    file: str | None = None


class OutputType(click.ParamType[Output]):
    """`FORMAT` or `FORMAT=FILE`."""

    name = "output"
    envvar_list_splitter = "\n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        """The output, or a usage error that lists the formats."""
        if isinstance(value, Output):
            return value
        format_, named, file = str(value).partition("=")
        if format_ not in FORMATS:
            self.fail(f"{format_!r} is not one of {', '.join(FORMATS)}", param, ctx)
        if named and not file:
            self.fail(f"{value!r} names no file", param, ctx)
        return Output(format_, file if file not in ("", "-") else None)


OUTPUT = OutputType()


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything a command was asked to write."""

    outputs: tuple[Output, ...]
    color: bool

    @classmethod
    def of(cls, outputs: Sequence[Output], color: str, paths: Sequence[str] = ()) -> Outputs:
        """What `--output` and `--color` mean; where nothing else goes to stdout, text does.

        `paths` are the files and folders a command reads, which no output may overwrite.
        """
        if isinstance(outputs, Outputs):
            return outputs
        chosen = tuple(outputs)
        on_stdout = sum(output.file is None for output in chosen)
        if on_stdout == 0:
            chosen = (Output("text"), *chosen)
        if on_stdout > 1:
            raise click.UsageError("only one --output can go to stdout: give the others a file")
        files = [output.file for output in chosen if output.file is not None]
        if len({Path(file).resolve() for file in files}) < len(files):
            raise click.UsageError("two --output go to the same file")
        _check_not_read(files, paths)
        for file in files:
            _check_writable(file)
        for output in chosen:
            _check_about(output.format)
            check(output.format)
        return cls(chosen, wants_color(color))

    @property
    def is_text(self) -> bool:
        """Whether stdout is for people."""
        return any(output == Output("text") for output in self.outputs)

    def write(self, document: Mapping[str, Any]) -> None:
        """Write the document in every format asked for."""
        self._write(self.outputs, document)

    def save(self, document: Mapping[str, Any]) -> None:
        """Write the document to the files only."""
        self._write([output for output in self.outputs if output.file], document)

    def refuse(self, document: Mapping[str, Any]) -> None:
        """Write the document like `write`, but as text on stderr: data was asked for, and there
        is none."""
        self._write(self.outputs, document, err=True)

    def show(self, document: Mapping[str, Any], *, err: bool = False) -> None:
        """Show the document as text to the person at the terminal, whatever was asked for."""
        self._print("text", document, err=err)

    def _write(
        self, outputs: Sequence[Output], document: Mapping[str, Any], *, err: bool = False
    ) -> None:
        """Files first, since a reader of stdout may have gone away, and each even when another one
        failed; what formats append once, however often they are asked for."""
        files = [partial(_save, o.file, document, o.format) for o in outputs if o.file is not None]
        formats = dict.fromkeys(output.format for output in outputs)
        more = [partial(_append, document, format) for format in formats]
        shown = [
            partial(self._print, o.format, document, err=err and o.format == "text")
            for o in outputs
            if o.file is None
        ]
        failed: ReconcilerError | None = None
        for step in (*files, *more, *shown):
            try:
                step()
            except ReconcilerError as error:
                failed = error
        if failed is not None:
            raise failed

    def _print(self, format: str, document: Mapping[str, Any], *, err: bool) -> None:
        color = self.color and not err
        text = render(document, format, color=color, width=0 if err else width())
        if format == "text":
            _echo(text, color=color, err=err)
        else:
            echo_data(text, color=color)


def echo_data(data: str | bytes, *, color: bool = False) -> None:
    """Write what is no mere message to stdout. Raises `ReconcilerError` when that is closed or
    full, and `BrokenPipeError` when nobody reads it any more."""
    if sys.stdout is None:
        raise ReconcilerError("standard output is closed, and what was asked for goes there")
    _echo(data, color=color)


def _echo(data: str | bytes, *, color: bool, err: bool = False) -> None:
    try:
        click.echo(data, nl=False, color=color, err=err)
    except BrokenPipeError:
        raise
    except OSError as error:
        told = f"standard {'error' if err else 'output'} cannot be written: {error.strerror}"
        raise ReconcilerError(told) from error


@dataclass(frozen=True, slots=True)
class Kept(Outputs):
    """Keeps documents for whoever asked for them, and writes nothing."""

    outputs: tuple[Output, ...] = ()
    color: bool = False
    documents: list[Mapping[str, Any]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Output]:
        """No format was asked for."""
        return iter(())

    def _write(
        self, outputs: Sequence[Output], document: Mapping[str, Any], *, err: bool = False
    ) -> None:
        self.documents.append(document)

    def _print(self, format: str, document: Mapping[str, Any], *, err: bool) -> None:
        """Nobody sits there."""


def wants_color(color: str) -> bool:
    """Whether stdout gets color: https://no-color.org and TERM=dumb decide on a terminal."""
    if color == "auto":
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return is_terminal(sys.stdout) and not plain
    return color == "always"


def width() -> int:
    """How many characters a line on stdout may have: as COLUMNS says, or the terminal; 0 where
    there is none, since what reads it is no screen."""
    if not is_terminal(sys.stdout):
        return 0
    with suppress(ValueError):
        return max(0, int(os.environ.get("COLUMNS", "")))
    return os.get_terminal_size(sys.stdout.fileno()).columns


def check_formats(outputs: Sequence[Output], known: Sequence[str], what: str) -> None:
    """Refuse formats that make no sense of `what` there is to write."""
    if wrong := {output.format for output in outputs} - set(known):
        text = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))
        raise click.UsageError(f"{what} is {text}, and not {min(wrong)}")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sits at this stream; a closed one is None."""
    return stream is not None and stream.isatty()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is told in a part of the run, and what that part is called."""

    whose: str
    texts: list[str] = field(default_factory=list)


_HEARD: ContextVar[_Heard | None] = ContextVar("heard", default=None)


@contextmanager
def overheard(whose: str) -> Iterator[list[str]]:
    """What is told while the block runs, instead of it being said on stderr; `whose` it is."""
    heard = _Heard(whose)
    token = _HEARD.set(heard)
    try:
        yield heard.texts
    finally:
        _HEARD.reset(token)


def is_overheard() -> bool:
    """Whether what is told goes somewhere else than to stderr."""
    return _HEARD.get() is not None


def tell(text: str) -> None:
    """Say something on stderr; that nobody can read it must not stop or change anything."""
    if (heard := _HEARD.get()) is not None:
        heard.texts.append(safe(text))
        return
    with suppress(OSError):
        click.echo(safe(text), err=True)


def log(text: str) -> None:
    """Say at once on stderr what happens for whoever follows along, and of which part it is."""
    heard = _HEARD.get()
    with suppress(OSError):
        click.echo(safe(f"[{heard.whose}] {text}" if heard else text), err=True)


def abandon_stdout() -> None:
    """The reader of stdout went away: what is still buffered has nowhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_not_read(written: Sequence[str], read: Sequence[str]) -> None:
    """Refuse to overwrite a file that is read, by this run or the next one."""
    from reconciler.spec.files import finds

    for path in read:
        real = str(Path(path).resolve())  # fails where the working folder is gone
        for file in written:
            if finds(real, file):
                text = f"--output would write {file}, which is read with {path}"
                raise click.UsageError(f"{text}: name another file")


def _check_writable(file: str) -> None:
    """Tell now what would otherwise be told when everything is done and the report is lost."""
    target = Path(file) if Path(file).exists() else Path(file).parent
    if Path(file).is_dir() or not os.access(target, os.W_OK):
        raise ReconcilerError(f"{file} cannot be written: check its folder and permissions")


def _append(document: Mapping[str, Any], format: str) -> None:
    """Add what a format has to the files that environment variables name, where they do."""
    for variable, text in appended(document, format).items():
        if name := os.environ.get(variable):
            try:
                with Path(name).open("a", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                told = f"{variable} ({name}) cannot be written: {error.strerror}"
                raise ReconcilerError(told) from error


def _check_about(format: str) -> None:
    """Refuse a format that is for the document of another command."""
    context, only = click.get_current_context(silent=True), only_for(format)
    if only and context is not None and context.info_name != only:
        raise click.UsageError(f"{format} is only for `reconciler {only}`: name another format")


def _save(file: str, document: Mapping[str, Any], format: str) -> None:
    content = render(document, format).encode()
    try:
        save(file, content)
    except OSError as error:
        raise ReconcilerError(f"{file} cannot be written: {error.strerror}") from error
