"""What was measured, as data, as a table and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison: how many times the anchor's cost ours is, and how many times it may be.

    With `least` the ratio has to be reached instead of not exceeded. The memory is the peak of the
    processes, in MB, and `note` says what else was seen. Without a limit the line tells something
    that no goal asks for; without a ratio its anchor is not installed.
    """

    goal: str
    what: str
    anchor: str
    ratio: float | None
    limit: float | None = None
    least: bool = False
    memory: tuple[float, float] | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one, and without an anchor."""
        if self.ratio is None or self.limit is None:
            return None
        return self.ratio >= self.limit if self.least else self.ratio <= self.limit


def show(lines: Iterable[Line]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Ours beside the anchor, in one run", title_justify="left")
    for header in ("goal", "what", "anchor", "ratio", "goal is", "", "peak MB", "seen"):
        table.add_column(header, justify="right" if header == "ratio" else "left")
    for line in lines:
        sign = "at least" if line.least else "at most"
        table.add_row(
            line.goal,
            line.what,
            line.anchor,
            "not installed" if line.ratio is None else f"{line.ratio:.3g}",
            "" if line.limit is None else f"{sign} {line.limit:g}",
            {True: "met", False: "MISSED", None: ""}[line.met],
            "" if line.memory is None else "{:.0f} : {:.0f}".format(*line.memory),
            line.note,
        )
    Console(width=None if Console().is_terminal else 170).print(table)


def write(lines: Iterable[Line], path: str) -> None:
    """Write JSON."""
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "lines": [{**asdict(line), "met": line.met} for line in lines],
    }
    Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
