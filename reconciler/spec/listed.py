"""The entries of a file that is one list of them: a source goes in, mappings come out, and whatever
else stands there is a problem."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.problems import Problem, Problems, shown
from reconciler.spec.source import Map, Seq, Source


def mappings(source: Source, key: str, first: str, problems: Problems) -> Iterator[Map]:
    """The mappings of the list under a key, which holds at least one; `first` is how an entry
    begins, for example."""
    content, hint = source.content, f"start with `- {first}`"
    entries = content.get(key, Seq())
    if not isinstance(entries, Seq) or not entries:
        place = content.marks.get(key, content.mark)
        code, text = "E032", f"{shown(key)} has to be a list"
        if isinstance(entries, Seq):
            code, text = "E039", f"{shown(key)} has to hold at least one entry"
        problems.append(Problem(source.name, *place, code, text, hint))
        return
    for entry, mark in zip(entries, entries.marks, strict=True):
        if isinstance(entry, Map):
            yield entry
        else:
            text = f"an entry of {shown(key)} has to be a mapping"
            problems.append(Problem(source.name, *mark, "E032", text, hint))
