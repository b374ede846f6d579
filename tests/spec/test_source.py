"""YAML text to objects: values, positions, every problem in its place, bombs, and noise."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import count

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec import tree
from reconciler.spec.problems import CODES, Problem
from reconciler.spec.source import REFUSED, Limits, Map, Seq, Unquoted, parse

ORDINARY = """\
# a comment
version: 1
owner: platform
account: "111122223333"
defaults: {tags: {team: platform, "no": 'yes'}}
hosts:
  - name: ghes
    vpc_configuration:
      subnet_ids: [subnet-1, subnet-2]
      tls_certificate: |
        -----BEGIN CERTIFICATE-----
        été
  -
    name: other
    adopt: true
empty: {}
none: ~
nothing:
list: []
folded: >-
  one
  two
"""


def read(
    text: bytes | str,
    limits: Limits | None = None,
    include: Callable[[str], str] | None = None,
) -> tuple[Map | None, list[Problem]]:
    problems: list[Problem] = []
    result = parse(text, "f.yaml", problems, limits=limits or Limits(), include=include)
    return result, problems


def places(problems: list[Problem]) -> list[tuple[str, int, int]]:
    return [(problem.code, problem.line, problem.column) for problem in problems]


def same(ours: object, theirs: object) -> bool:
    """Compare with PyYAML's result, type by type; an `Unquoted` says that they may differ."""
    if isinstance(ours, Unquoted):
        return True
    if isinstance(ours, Map) and isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, Seq) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encode", [str, str.encode], ids=["str", "bytes"])
def test_an_ordinary_document_is_what_pyyaml_reads(
    ending: str, encode: Callable[[str], str | bytes]
) -> None:
    text = ORDINARY.replace("\n", ending)
    result, problems = read(encode(text))
    assert problems == []
    assert same(result, yaml.safe_load(text))


def test_every_node_knows_its_position() -> None:
    result, _ = read("a: 1\nb:\n  - x\n  - {c: 2,\n     'd': [3]}\n")
    assert result is not None
    assert (result.mark, result.marks) == ((1, 1), {"a": (1, 4), "b": (3, 3)})
    assert result.keymarks == {"a": (1, 1), "b": (2, 1)}
    items = result["b"]
    assert isinstance(items, Seq)
    assert (items.mark, items.marks) == ((3, 3), [(3, 5), (4, 5)])
    entry = items[1]
    assert isinstance(entry, Map)
    assert (entry.mark, entry.marks) == ((4, 5), {"c": (4, 9), "d": (5, 11)})
    assert entry.keymarks == {"c": (4, 6), "d": (5, 6)}


def test_positions_survive_a_dropped_key() -> None:
    result, _ = read("a: 1\na: 2\nno: 3\nb: 4\n")
    assert result == {"a": 1, "b": 4}
    assert result.marks == {"a": (1, 4), "b": (4, 4)}
    assert result.keymarks == {"a": (1, 1), "b": (4, 1)}


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert read(b"\xef\xbb\xbfa: b") == ({"a": "b"}, [])
    assert read("\ufeffa: b") == ({"a": "b"}, [])
    assert places(read(b"\xef\xbb\xbfa: 1\na: \xff")[1]) == [("E007", 2, 4)]
    assert places(read("\ufeffa:\n\tb: 1")[1]) == [("E010", 2, 1)]


PROBLEMS: dict[str, tuple[str | bytes, list[tuple[str, int, int]]]] = {
    "invalid UTF-8": (b"a: 1\nb: \xe9\xff", [("E007", 2, 4)]),
    "UTF-16": ("a: 1".encode("utf-16"), [("E007", 1, 1)]),
    "half a surrogate pair": ("a: \ud800", [("E007", 1, 4)]),
    "NUL": ("a: 1\nb: x\0y", [("E008", 2, 5)]),
    "escape": ("a: 1\r\nb: \x1b[31m", [("E008", 2, 4)]),
    "no colon": ("a: 1\nb\nc: 2", [("E009", 3, 1)]),
    "two colons": ("a: b: c", [("E009", 1, 5)]),
    "open quote": ("a: 'b", [("E009", 1, 6)]),
    "open bracket": ("a: [b", [("E009", 2, 1)]),
    "indentation": ("a:\n  - b\n c: 1", [("E009", 3, 2)]),
    "at sign": ("a: @b", [("E009", 1, 4)]),
    "unknown tag handle": ("a: !x!y z", [("E009", 1, 4)]),
    "tab": ("a:\n\tb: 1", [("E010", 2, 1)]),
    "tab after spaces": ("a: 1\n  \tb: 2", [("E009", 2, 5)]),
    "tab below an entry": ("a:\n  b: 1\n\tc: 2", [("E010", 3, 1)]),
    "empty": ("", [("E011", 0, 0)]),
    "only a comment": ("# nothing\n", [("E011", 0, 0)]),
    "only a marker": ("---\n", [("E011", 0, 0)]),
    "null": ("~", [("E011", 0, 0)]),
    "second document": ("a: 1\n---\nb: 2", [("E012", 2, 1)]),
    "sequence at the top": ("- a: 1", [("E013", 1, 1)]),
    "text at the top": ("# comment\nhello", [("E013", 2, 1)]),
    "boolean key": ("a:\n  no: 1", [("E014", 2, 3)]),
    "integer key": ("12: 1", [("E014", 1, 1)]),
    "true key": ("true: 1", [("E014", 1, 1)]),
    "null key": ("? \n: 1", [("E014", 1, 2)]),
    "date key": ("a: {2024-01-01: 1}", [("E014", 1, 5)]),
    "sequence as key": ("? [a]\n: 1", [("E014", 1, 3)]),
    "mapping as key": ("{a: 1}: 1", [("E014", 1, 1)]),
    "key twice": ("a: 1\nb: 2\na: 3", [("E015", 3, 1)]),
    "key twice, quoted": ("k: {a: 1, \"a\": 2, 'a': 3}", [("E015", 1, 11), ("E015", 1, 19)]),
    "merge key": ("a:\n  <<: {b: 1}", [("E016", 2, 3)]),
    "merge key of an alias": (
        "a: &x {b: 1}\nc:\n  <<: *x",
        [("E017", 1, 4), ("E016", 3, 3), ("E017", 3, 7)],
    ),
    "anchor on text": ("a: &x b", [("E017", 1, 4)]),
    "anchor on a sequence": ("a: &x [b]", [("E017", 1, 4)]),
    "alias as key": ("a: &x b\n*x : c", [("E017", 1, 4), ("E017", 2, 1)]),
    "anchor in itself": ("a: &x [*x]", [("E017", 1, 4), ("E017", 1, 8)]),
    "python tag": ("a: !!python/object/apply:os.abort []", [("E018", 1, 4)]),
    "binary": ("a: !!binary aGk=", [("E018", 1, 4)]),
    "set": ("a: !!set {b}", [("E018", 1, 4)]),
    "str": ("a: !!str 1", [("E018", 1, 4)]),
    "own tag": ("a: !env HOME", [("E018", 1, 4)]),
    "bare tag": ("a: ! 1\nb: ! [c]", [("E018", 1, 4), ("E018", 2, 4)]),
    "tag and anchor": ("a: &x !!str 1", [("E017", 1, 4), ("E018", 1, 4)]),
    "tag on a key": ("!!str a: 1", [("E018", 1, 1)]),
    "file without a folder": ("a: !file ca.pem", [("E021", 1, 4)]),
    "file without a path": ("a: !file", [("E021", 1, 4)]),
    "file with a mapping": ("a: !file {b: c}", [("E021", 1, 4)]),
}


@pytest.mark.parametrize(("text", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_each_problem_has_its_place(
    text: str | bytes, expected: list[tuple[str, int, int]]
) -> None:
    _, problems = read(text)
    assert places(problems) == expected
    assert all(problem.hint or problem.code in {"E014", "E009"} for problem in problems)


def test_one_pass_finds_what_it_can() -> None:
    """Whatever is wrong short of broken syntax does not hide what comes after it."""
    result, problems = read("a: &x 1\nno: 2\nb: *x\nc: !!str 3\na: 4\nd: [{e: 1, e: 2}]\nf: ok\n")
    assert places(problems) == [
        ("E017", 1, 4),
        ("E014", 2, 1),
        ("E017", 3, 4),
        ("E018", 4, 4),
        ("E015", 5, 1),
        ("E015", 6, 12),
    ]
    assert result == {"a": 1, "b": REFUSED, "c": "3", "d": [{"e": 1}], "f": "ok"}


def test_texts_name_the_culprit_and_the_way_out() -> None:
    lines = [
        str(one) for one in read('a: 1\nno: 2\n"a": 3\nb: "\\e[31m\\u202E"\n"\\e": 1\n"\\e": 2')[1]
    ]
    assert lines == [
        'f.yaml:2:1: E014 key `no` is read as a boolean (quote it ("no"))',
        "f.yaml:3:1: E015 key `a` is written twice, first on line 1 (keep one of the two)",
        "f.yaml:6:1: E015 key `\\x1b` is written twice, first on line 5 (keep one of the two)",
    ]
    [broken] = read("a:\n  - b\n c: 1")[1]
    assert str(broken) == (
        "f.yaml:3:2: E009 did not find expected key, while parsing a block mapping begun on line 1"
        " (check the indentation and quotes above)"
    )


def test_known_tags_are_named_as_they_were_written() -> None:
    [problem] = read("a: !!binary aGk=")[1]
    assert problem.message == "tag `!!binary` is not read"


@pytest.mark.parametrize("text", ["a: [", "a: 1\n\tb: 2", "- a", "", "a: \0"])
def test_unread_text_gives_nothing(text: str) -> None:
    """Half a file must not look like one that declares less."""
    assert read(text)[0] is None


def test_earlier_problems_stay_in_front() -> None:
    earlier = Problem("z.yaml", 9, 9, "E001", "earlier")
    problems = [earlier]
    parse("a: 1\na: 2", "b.yaml", problems)
    assert problems[0] is earlier
    assert places(problems[1:]) == [("E015", 2, 1)]


SHAPES = {"flow": ("[", 1), "flow mapping": ("{a: ", 4), "block": ("- ", 2), "keys": ("? ", 2)}


@pytest.mark.parametrize("levels", [33, 500, 30_000, 1_000_000])
@pytest.mark.parametrize(("opening", "width"), SHAPES.values(), ids=SHAPES)
def test_deep_nesting_stops_at_the_limit(levels: int, opening: str, width: int) -> None:
    result, problems = read(opening * levels)
    assert result is None
    # Newer parsers look ahead and give up at 1,000 levels, before the first is handed over.
    ahead = [("E019", 1, 1001)] if levels > 1000 else []
    assert places(problems) in ([("E019", 1, 32 * width + 1)], ahead)


def test_deep_nesting_asks_the_parser_for_no_more_than_it_needs() -> None:
    asked = count()
    get_event = yaml.CSafeLoader("[" * 1000).get_event
    builder = tree.Builder("f.yaml", [], Limits(), None)
    with pytest.raises(tree.Abandoned):
        builder.build(lambda: (next(asked), get_event())[1])
    assert next(asked) <= 32 + 3


@pytest.mark.parametrize("levels", [31, 32])
def test_nesting_up_to_the_limit_is_read(levels: int) -> None:
    result, problems = read("{a: " * levels + "1" + "}" * levels)
    assert (result is not None, problems) == (True, [])


def test_an_alias_bomb_is_not_expanded() -> None:
    lines = ["a: &a [lol]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    ]
    result, problems = read("\n".join(lines))
    assert result is not None
    assert result["j"] == [REFUSED] * 9
    assert {problem.code for problem in problems} == {"E017"}
    assert len(problems) == 10 + 9 * 9


def test_a_merge_bomb_is_not_merged() -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 30)]
    result, problems = read("\n".join(lines))
    assert result is not None
    assert result["a29"] == {}
    assert [problem.code for problem in problems].count("E016") == 29


@pytest.mark.parametrize(("nodes", "code"), [(4, "E020"), (5, None), (6, None)])
def test_values_are_counted(nodes: int, code: str | None) -> None:
    """Five values: a, its two items, c, and d inside it."""
    result, problems = read("a: [1, 2]\nc: {d: 3}", Limits(nodes=nodes))
    assert [problem.code for problem in problems] == ([code] if code else [])
    assert (result is None) == bool(code)


@pytest.mark.parametrize(("collections", "code"), [(3, "E020"), (4, None)])
def test_mappings_and_lists_are_counted(collections: int, code: str | None) -> None:
    """Four: the top level, the list and the two in it."""
    _, problems = read("a: [{}, []]", Limits(collections=collections))
    assert [problem.code for problem in problems] == ([code] if code else [])
    assert all("3 mappings and lists" in problem.message for problem in problems)


@pytest.mark.parametrize(
    "text", ["a: [" + "1, " * 500_000, "a: [" + "{}, " * 500_000, "[" + "[], " * 9]
)
def test_a_flood_of_values_is_not_kept(text: str) -> None:
    """The limit holds before the collection ends, or memory would be gone by then."""
    asked = count()
    get_event = yaml.CSafeLoader(text).get_event
    problems: list[Problem] = []
    builder = tree.Builder("f.yaml", problems, Limits(nodes=2), None)
    with pytest.raises(tree.Abandoned):
        builder.build(lambda: (next(asked), get_event())[1])
    assert next(asked) <= 4 * 2 + 8 + 1
    assert [problem.code for problem in problems] == ["E020"]


@pytest.mark.parametrize(("size", "codes"), [(15, ["E005"]), (16, []), (17, [])])
def test_bytes_are_counted(size: int, codes: list[str]) -> None:
    _, problems = read("a: " + "é" * 6 + "b", Limits(bytes=size))
    assert [problem.code for problem in problems] == codes


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_left_as_it_was(was_on: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        read("a: [")
        seen = read("a: !file x", include=lambda _: str(gc.isenabled()))[0]
        assert seen == {"a": "False"}
        assert gc.isenabled() == was_on
    finally:
        (gc.enable if before else gc.disable)()


NOISE = st.text(alphabet="abno01-:[]{},#&*!|>'\"%@?<=~. \t\n\r\\é\ufeff\0\u2028", max_size=40)


@settings(max_examples=1500, deadline=None, derandomize=True, database=None)
@given(st.one_of(NOISE, NOISE.map("a: ".__add__), st.binary(max_size=30), st.text(max_size=20)))
def test_noise_gives_problems_and_nothing_else(text: str | bytes) -> None:
    result, problems = read(text)
    assert (result is not None) or problems
    for problem in problems:
        assert problem.code in CODES
        assert str(problem).isprintable()
        assert problem.line >= 0
    if not problems:
        try:
            theirs = yaml.load(text, Loader=yaml.CSafeLoader)
        except (ValueError, yaml.constructor.ConstructorError):
            return  # an impossible date, or a lone "=": both `Unquoted` here
        assert same(result, theirs)


def test_without_libyaml_the_same_is_read() -> None:
    """Where PyYAML has no C extension its own parser gives the same values and positions."""
    broken = {"open quote", "open bracket", "indentation", "tab", "tab after spaces", "no colon"}
    texts = [text for name, (text, _) in PROBLEMS.items() if name not in broken]
    texts = [ORDINARY, "[" * 1000, *(text for text in texts if isinstance(text, str))]
    script = (
        "import sys; sys.modules['yaml._yaml'] = None\n"
        "import json; from reconciler.spec.source import parse; import yaml\n"
        "assert not yaml.__with_libyaml__\n"
        "def read(text):\n"
        "    problems = []; result = parse(text, 'f.yaml', problems)\n"
        "    return [repr(result), [[p.code, p.line, p.column] for p in problems]]\n"
        "print(json.dumps([read(text) for text in json.load(sys.stdin)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    for text, (result, found) in zip(texts, json.loads(done.stdout), strict=True):
        ours, problems = read(text)
        assert (text, result) == (text, repr(ours))
        assert (text, [tuple(one) for one in found]) == (text, places(problems))
