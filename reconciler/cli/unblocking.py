"""Shows what blocks a stack, asks, resolves it and reports: the options of `unblock` go in, its
exit code comes out."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.exits import BugError, Exit, unblock_code, worst
from reconciler.cli.locking import alone
from reconciler.cli.output import abandon_stdout, check_formats, is_terminal, tell
from reconciler.cli.planning import Planning, Run
from reconciler.cli.stopping import stopping
from reconciler.errors import NotFoundError, ReconcilerError, StaleError
from reconciler.health import Blocker, blockers_of
from reconciler.journal import Journal, Sent
from reconciler.observe import reread
from reconciler.render import summary
from reconciler.resource import Address, Desired, Live
from reconciler.safe import safe
from reconciler.unblock import End, Ended, UnblockForm, Unblocking, unblock_document
from reconciler.writer import Clock, Means


def unblocked(options: Mapping[str, Any], formats: Sequence[str]) -> Exit:
    """Look what blocks, ask unless that is waived, resolve it, and report in the formats."""
    check_formats(options["outputs"], formats, "an unblock")
    planning = Planning.of(options, desired=Desired("", {}, {}), writes=True)
    with planning.opened() as opened, alone(opened) as run, stopping() as asked:
        with asked.impatient():
            looked = _Looked.at(run, Address(*options["stack"].split("/", 1)), options["reason"])
            active = looked.wanted(options["ids"])
            if active and not _agreed(run, looked, active, yes=options["yes"]):
                return Exit.ERROR
        earlier = run.journal.history()
        facts = {**run.journal.facts, "run": uuid.uuid4().hex}
        means = Means(Clock(stopping=asked), Journal(run.journal.path, facts), run.permit)
        doing = Unblocking(run.api, looked.live, active, looked.reason, means)
        bug: Exception | None = None
        try:
            doing.run()
        except (KeyboardInterrupt, SystemExit):
            doing.cut_short("interrupted")
        except Exception as error:  # noqa: BLE001  a bug: what was done is told first
            bug = error
            doing.cut_short(f"a bug ({type(error).__name__})")
        _settle(run, earlier, looked, doing.ended)
        code = _report(run, looked.document(doing.ended))
    if bug is not None:
        raise BugError(code) from bug
    return worst(asked.code, code)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A stack and its blockers as they were at a time."""

    run: Run
    live: Live
    blockers: tuple[Blocker, ...]
    reason: str
    time: datetime

    @classmethod
    def at(cls, run: Run, address: Address, reason: str) -> _Looked:
        time = datetime.now(UTC)
        live = reread(run.api, Live(address, address.name, {}))
        if live is None:
            text = f"nothing is live at {address}: `reconciler status` shows what is"
            raise ReconcilerError(text)
        return cls(run, live, _blockers(run, live), reason, time)

    def wanted(self, ids: Collection[str]) -> list[Blocker]:
        """What still holds, of these ids if there are some."""
        active = [blocker for blocker in self.blockers if blocker.active]
        known = {blocker.id for blocker in active}
        for id_ in ids:
            if id_ not in known:
                held = ", ".join(sorted(known)) or "nothing blocks it"
                text = f"{id_} does not block {self.live.address}: {held}"
                raise ReconcilerError(text)
        return [blocker for blocker in active if not ids or blocker.id in ids]

    def document(self, ended: Sequence[Ended]) -> UnblockForm:
        return unblock_document(self.run.target, self.live, self.reason, ended, self.time)


def _blockers(run: Run, live: Live) -> tuple[Blocker, ...]:
    try:
        return blockers_of(run.api, live)
    except NotFoundError:  # it was never synced
        return ()


def _agreed(run: Run, looked: _Looked, active: Sequence[Blocker], *, yes: bool) -> bool:
    """Show what blocks and ask; whether it is to be resolved, and still is what was shown."""
    if yes:
        return True
    if not is_terminal(sys.stdin):
        raise click.UsageError("there is no terminal to ask at: give --yes")
    outputs = run.planning.outputs
    shown = looked.document([Ended(blocker, End.ACTIVE) for blocker in active])
    outputs.show(shown, err=not outputs.is_text)
    many = f"these {len(active)} blockers" if len(active) > 1 else "this blocker"
    if not _confirmed(f"Resolve {many} because of {safe(repr(looked.reason))}?"):
        click.echo("Nothing was changed.", err=True)
        return False
    now = {blocker.id for blocker in _blockers(run, looked.live) if blocker.active}
    before = {blocker.id for blocker in looked.blockers if blocker.active}
    if moved := sorted(now ^ before):
        text = f"what blocks changed while you were asked: {', '.join(moved)}"
        raise StaleError(f"{text}; nothing was done: unblock again")
    return True


def _confirmed(question: str) -> bool:
    """Ask; the end of input is a no, an interrupt is none of both."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return False
        raise


def _settle(run: Run, earlier: Sequence[Sent], looked: _Looked, ended: Sequence[Ended]) -> None:
    """Note what became of what earlier runs sent about these blockers and never heard of."""
    left = {blocker.id for blocker in looked.blockers if blocker.active}
    left -= {one.blocker.id for one in ended if one.end is End.RESOLVED}
    known = {blocker.id for blocker in looked.blockers} - left
    for sent in earlier:
        is_ours = sent.line.address == str(looked.live.address)
        if sent.is_pending and is_ours and sent.line.parameters.get("Id") in known:
            run.journal.resolve(sent.line.id, "resolved, as a later run saw")


def _report(run: Run, document: UnblockForm) -> Exit:
    code = unblock_code(document)
    try:
        run.planning.outputs.write(document)
    except ReconcilerError as error:
        tell(f"Error: {error}")
        if document["blockers"]:
            tell(f"{summary(document)} `reconciler journal` shows what was sent.")
        return worst(code, Exit.ERROR)
    except BrokenPipeError:
        abandon_stdout()  # what was done is done, and its code stands
    for one in document["blockers"]:
        if one["result"] in ("failed", "unknown"):
            tell(f"Error: blocker {one['id']} of {document['address']}: {one['message']}")
    return code
