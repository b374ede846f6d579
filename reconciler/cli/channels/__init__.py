"""Where drift can be told: every module in this folder is one kind of channel, found by what
`--notify` says. A WHERE and what is to be told go in, nothing comes out but an error.

A module has `FORM`, how its WHERE is written; `takes(where)`, whether it is one of its own;
`name(where)`, what may be shown of it; `check(where)` and `send(where, telling)`, which raise
`ReconcilerError`. A WHERE is a secret: whoever knows a webhook may write there, so that no error
may hold more of it than its name. One that is AWS's own is an ARN, and says with `ACTION` what IAM
has to allow on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.aws.session import Session
    from reconciler.render._message import Message


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told: a message for people, the document for programs, and the session of
    channels that are AWS's."""

    message: Message
    document: Mapping[str, Any]
    session: Session | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Channel:
    """One place where drift is told. Its text and its errors say no more than its name."""

    where: str
    module: Any

    def __reduce__(self) -> tuple[Any, ...]:
        """How it gets to another process: a module cannot."""
        return channel, (self.where,)

    def __str__(self) -> str:
        name: str = self.module.name(self.where)
        return name

    @property
    def action(self) -> str:
        """What IAM has to allow on one that is AWS's own; empty for any other."""
        return str(getattr(self.module, "ACTION", ""))

    def send(self, telling: Telling) -> None:
        """Tell it. Raises `ReconcilerError` when that fails, whatever the reason."""
        with _discreet():
            self.module.send(self.where, telling)


def channel(where: str) -> Channel:
    """The channel of that name. Raises `ReconcilerError` when there is none, or it is not written
    as it should be."""
    forms = []
    for module in _modules():
        if module.takes(where):
            with _discreet():
                module.check(where)
            return Channel(where, module)
        forms.append(module.FORM)
    raise ReconcilerError(f"a place is written as one of {', '.join(forms)}")


@contextmanager
def _discreet() -> Iterator[None]:
    """Let no more than the type be known of an error that is not this program's own: what
    libraries say may hold the whole address."""
    try:
        yield
    except ReconcilerError:
        raise
    except Exception as error:  # noqa: BLE001  told by its type
        raise ReconcilerError(type(error).__name__) from None


def _modules() -> Iterator[Any]:
    for found in iter_modules(__path__):
        if not found.name.startswith("_"):
            yield import_module(f"{__name__}.{found.name}")
