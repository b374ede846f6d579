"""Files in any style, edited at random: the edit is made, and all other entries stay."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec.edit import Append, Drop, Edit, Put, Remove, edited
from reconciler.spec.writing import Written, block, flow

TEXTS = st.one_of(
    st.sampled_from(["no", "0123", "1:30", "2024-01-01", "", "- a", "a: b", "#c", "x #y", "it's"]),
    st.sampled_from(["${x}", "$${"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8),
)
KEYS = st.sampled_from(["a", "b", "team", "no", "x y", "1e3"])
SECTION = "connections"


@st.composite
def entries(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """An entry and the lines that write it, the first one without its dash."""
    tags = draw(st.dictionaries(KEYS, TEXTS, min_size=1, max_size=3))
    items = draw(st.lists(st.sampled_from(["s-1", "s-2", "s-3"]), min_size=1, unique=True))
    entry = {"name": draw(TEXTS), "tags": tags, "list": items, "protect": draw(TEXTS)}
    quote = draw(st.sampled_from(["", "'", '"']))
    if draw(st.booleans()):
        return entry, flow(entry, quote) + draw(st.sampled_from(["", "  # flow"])) + "\n"
    lines = [f"name: {flow(entry['name'], quote, outside=True)}  # mine\n"]
    parts = [
        draw(
            st.sampled_from([block({key: entry[key]}), block({key: entry[key]}, left=True)])
            if draw(st.booleans())
            else st.just(f"{key}: {flow(entry[key], quote, outside=True)}\n")
        )
        for key in draw(st.permutations(["tags", "list", "protect"]))
    ]
    for part in parts:
        lines += draw(st.sampled_from([[], ["# about it\n"]]))
        lines += part.splitlines(keepends=True)
    return entry, "".join(lines)


def dashed(lines: str, margin: str, above: str) -> str:
    """The lines of an entry under its dash."""
    first, *rest = lines.split("\n")[:-1]
    text = f"{margin}- {first}\n" + "".join(f"{margin}  {line}\n" for line in rest)
    return (f"{margin}{above}\n" if above else "") + text


@st.composite
def edits(draw: st.DrawFn, held: list[dict[str, Any]]) -> Edit:
    number = draw(st.integers(0, len(held) - 1))
    entry = held[number]
    new = draw(st.lists(st.sampled_from(["s-1", "s-3", "s-4", "s-5"]), min_size=1, unique=True))
    every: list[Edit] = [
        Put(SECTION, number, ("tags", draw(KEYS)), draw(TEXTS)),
        Put(SECTION, number, ("protect",), draw(TEXTS)),
        Put(SECTION, number, ("extra",), draw(TEXTS)),
        Put(SECTION, number, ("more", "inside"), draw(TEXTS)),
        Put(SECTION, number, ("list",), new),
        Drop(SECTION, number, ("tags", draw(st.sampled_from(sorted(entry["tags"]))))),
        Drop(SECTION, number, (draw(st.sampled_from(["name", "tags", "list", "protect"])),)),
        Remove(SECTION, number),
        Append(SECTION, Written({"name": draw(TEXTS), "tags": {draw(KEYS): draw(TEXTS)}})),
    ]
    return draw(st.sampled_from(every))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_edit_of_any_file(data: st.DataObject) -> None:
    made = data.draw(st.lists(entries(), min_size=1, max_size=4))
    margin = data.draw(st.sampled_from(["", "  ", "    "]))
    gap = data.draw(st.sampled_from(["", "\n"]))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    written = [
        dashed(lines, margin, data.draw(st.sampled_from(["", "# above"]))) for _, lines in made
    ]
    text = "version: 1\nconnections:\n" + gap.join(written)
    text += data.draw(st.sampled_from(["", "# end\n", "\nhosts: []\n"]))
    if data.draw(st.booleans()):
        text = text.removesuffix("\n")
    text = text.replace("\n", newline)
    edit = data.draw(edits([entry for entry, _ in made]))
    after = edited(text.encode(), [edit]).decode()  # says itself that the edit was made
    assert after.endswith("\n") == text.endswith("\n")
    assert newline == "\n" or after.count("\n") == after.count("\r\n")
    for number, lines in enumerate(written):
        if isinstance(edit, Append) or number != edit.number:
            assert lines.rstrip("\n").replace("\n", newline) in after
    assert yaml.safe_load(after)["version"] == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_comments_in_brackets_go_only_with_their_items(data: st.DataObject) -> None:
    held = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
    wanted = data.draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True))
    text = "hosts:\n- l: ["
    for number, item in enumerate(held):
        gaps = ["", " ", "\n    ", f" # c{number}\n    ", f"\n    # d{number}\n    "]
        text += data.draw(st.sampled_from(gaps)) + item
        text += "," if number < len(held) - 1 else data.draw(st.sampled_from(["", ",", " ,"]))
    text += data.draw(st.sampled_from(["", " # z\n  "])) + "] # end\n  z: y\n"
    after = edited(text.encode(), [Put("hosts", 0, ("l",), wanted)]).decode()
    for line in text.splitlines():
        about, hash_, comment = line.removeprefix("- l:").partition("#")
        stays = not set(about) & set("abcd") or set(about) & set(wanted)
        if hash_ and stays:
            assert f"#{comment}" in after
