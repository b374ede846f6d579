"""Show every mutating call that was sent from this machine."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import addresses, journal, option
from reconciler.cli.output import echo_data, tell

MARKS = {"sent": "PENDING", "unknown": "PENDING"}


@click.command(
    epilog="""\b
Examples:
  reconciler journal
  reconciler journal --pending
  reconciler journal --format json connection/github-main
"""
)
@addresses(required=False)
@option("--pending", is_flag=True, help="Only calls of which nobody knows what came of them.")
@option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)
@journal
def command(addresses: tuple[str, ...], pending: bool, format: str, journal: str | None) -> None:
    """Show every mutating call that was sent from this machine, oldest first.

    A pending one may or may not have been carried out; the next apply of its target finds out.
    """
    from reconciler.cli.state import folder_of
    from reconciler.errors import ReconcilerError
    from reconciler.journal import history

    folder = folder_of(journal)
    if not folder.is_dir():
        if journal:
            raise ReconcilerError(f"there is no journal folder {journal}")
        tell(f"Nothing was sent from here: {folder} does not exist.")
    files = sorted(folder.glob("*.jsonl"))
    calls: dict[str, Any] = {}
    for sent in (sent for file in files for sent in history(file)):
        # What was pending when a journal was put away is in the next one, too.
        known = calls.get(sent.line.id, sent)
        calls[sent.line.id] = max(known, sent, key=lambda one: one.last.time)
    for sent in sorted(calls.values(), key=lambda sent: sent.line.time):
        wanted = not addresses or sent.line.address in addresses
        if wanted and (sent.is_pending or not pending):
            echo_data(f"{_json(sent) if format == 'json' else _text(sent)}\n")


def _json(sent: Any) -> str:
    from reconciler.render.json import line as harmless_line

    line = sent.line.model_dump(mode="json", exclude={"event", "text"})
    outcome = MARKS.get(sent.last.event, sent.last.event).lower()
    return harmless_line({**line, "outcome": outcome, "text": sent.last.text})


def _text(sent: Any) -> str:
    from reconciler.safe import safe

    line = sent.line
    mark = MARKS.get(sent.last.event, sent.last.event)
    text = f"{line.time:%Y-%m-%d %H:%M:%S}Z {mark:<8} {line.operation} {line.address}"
    by = ", ".join(filter(None, (line.owner, line.who)))
    text += f"  {line.account} {line.region}, {by}, run {line.run[:8]}"
    return safe(f"{text}  {sent.last.text}".rstrip())
