"""Small files that cost a careless reader its time, its memory or its life: names in, bytes out,
with the code of what has to be said about each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

HEAD = "version: 1\nowner: platform\n"
MAIN = "connections:\n- {name: main, provider_type: GitHub"
LINK = "- {owner_id: acme, repository_name: "
MANY = 10_000
"""Values in a flood: enough to tell what grows with the square of it."""
BIG = 1_000_000
LIMIT = 8 * 1024 * 1024
"""The largest file that is read, in bytes."""
VARIABLES = {"long": "x" * BIG}
SHAPES = {"[": "flow sequences", "{a: ": "flow maps", "- ": "block sequences", "? ": "block maps"}
DEPTHS = (33, 100, 1_000, 100_000, 1_000_000)


def _deep() -> Iterator[tuple[str, str, str | bytes]]:
    for opening, shape in SHAPES.items():
        for depth in DEPTHS:
            yield f"{depth} {shape}", "E019", opening * depth
    for depth in (33, 100, 1_000, 2_800):  # indentation grows with the square: this is 8 MB
        text = "".join(" " * n + "a:\n" for n in range(depth))
        yield f"{depth} indented maps", "E019", text


def _repeated(piece: str, times: int = MANY) -> str:
    return ",".join(piece.format(n) for n in range(times))


def _floods() -> Iterator[tuple[str, str, str | bytes]]:
    yield "unknown keys at the top", "E030", HEAD + _repeated("k{}: 1").replace(",", "\n")
    yield "unknown keys of an entry", "E030", HEAD + f"{MAIN}, {_repeated('k{}: 1')}}}"
    yield "items without a value", "E034", HEAD + f"{MAIN}, previously: [{_repeated('~')}]}}"
    yield "items that are numbers", "E033", HEAD + f"{MAIN}, previously: [{_repeated('1')}]}}"
    yield "tags without a value", "E034", HEAD + f"{MAIN}, tags: {{{_repeated('k{}: ~')}}}}}"
    yield "tags that are numbers", "E033", HEAD + f"{MAIN}, tags: {{{_repeated('k{}: 1')}}}}}"
    yield "former names declared", "E047", HEAD + f"{MAIN}, previously: [{_repeated('main')}]}}"
    rules = _repeated("{{field: k{}, reason: r}}", MANY // 2)
    yield "unknown fields", "E048", HEAD + f"{MAIN}, ignore: [{rules}]}}"
    yield "keys twice", "E015", HEAD + "owner: platform\n" * MANY
    yield "names twice", "E041", HEAD + "connections:\n" + _entries("a", 10_000)
    links = "".join(f"{LINK}r{n}, connection: con-{n:05}-gihub}}\n" for n in range(1_500))
    names = _entries("conn-{:05}-github", 600)
    yield "references", "E042", f"{HEAD}connections:\n{names}repository_links:\n{links}"


def _entries(name: str, times: int) -> str:
    return "".join(f"- {{name: {name.format(n)}, provider_type: GitHub}}\n" for n in range(times))


def _expanding() -> Iterator[tuple[str, str, str | bytes]]:
    letters = "abcdefghij"
    lines = ["a: &a [lol]"]
    for above, name in pairwise(letters):
        lines.append(f"{name}: &{name} [{_repeated(f'*{above}', 9)}]")
    yield "aliases, 9 to the 9th", "E017", "\n".join(lines)
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40)]
    yield "merge keys, 2 to the 39th", "E016", "\n".join(lines)
    yield "an anchor in itself", "E017", HEAD + "a: &a [*a, *a]"
    yield "many aliases", "E017", HEAD + f"a: &a x\nb: [{_repeated('*a')}]"


def _long() -> Iterator[tuple[str, str, str | bytes]]:
    text = "".join(chr(0x100 + n % 300) for n in range(BIG))
    yield "a long name", "E035", HEAD + _named(text)
    names = _named(text) + _named(text)[len("connections:\n") :]
    yield "a long name twice", "E041", HEAD + names
    link = f"repository_links:\n{LINK}r, connection: {text[1:]}}}"
    yield "a long name that is like another", "E042", HEAD + _named(text) + link
    yield "a long number", "E033", HEAD + f"{MAIN}, protect: {'1' * BIG}}}"
    yield "a long date", "E033", HEAD + f"{MAIN}, protect: 12{':30' * (BIG // 3)}}}"
    yield "a date as long as can be", "E033", f"{HEAD}{MAIN}, protect: 1{':1' * (3 * BIG)}}}"
    arn = f"arn:aws{'-a' * (3 * BIG)}"
    yield "an ARN as long as can be", "E035", f"{HEAD}connections:\n- {{name: a, host: '{arn}'}}"
    former = f"{LINK}r, connection: c, previously: [{text}]}}"
    yield "a long former name", "E040", f"{HEAD}repository_links:\n{former}"
    yield "a long choice", "E038", f"{HEAD}connections:\n- {{name: a, provider_type: {text}}}"
    yield "a long key", "E030", f"{HEAD}? {text}\n: 1"
    yield "a long key of one line", "E009", f"{HEAD}{text}: 1"
    yield "a long key twice", "E015", f"{HEAD}? {text}\n: 1\n" * 2
    yield "a long anchor", "E017", f"{HEAD}a: &{'n' * BIG} 1"
    yield "a long alias", "E017", f"{HEAD}a: *{'n' * BIG}"
    yield "a long tag", "E018", f"{HEAD}a: !{'n' * BIG} 1"
    yield "a long path", "E021", f"{HEAD}a: !file {'n' * BIG}"
    yield "a long ignored field", "E048", f"{HEAD}{MAIN}, ignore: [{{field: {text}, reason: r}}]}}"
    yield "a long comment", "", HEAD + "#" * BIG
    yield "a long indentation", "E009", HEAD + " " * BIG + "a: 1"
    yield "an open quote", "E009", HEAD + "a: '" + "x" * BIG
    yield "a long folded text", "E030", HEAD + "a: >\n" + "  x\n" * (BIG // 4)


def _replaced() -> Iterator[tuple[str, str, str | bytes]]:
    yield "a variable again and again", "E005", f"{HEAD}a: {'${long}' * BIG}"
    many = _repeated("'${{long}}'")
    yield "a variable in many values", "E005", f"{HEAD}a: [{many}]"
    yield "variables to the limit", "E035", HEAD + _named(f"'{'${long}' * 8}'")
    yield "unknown variables", "E022", f"{HEAD}a: {'${x}' * BIG}"
    lines = f"  ${{x}}{'.' * 7_000}\n" * 1_100
    yield "unknown variables, far apart", "E022", f"{HEAD}a: |\n{lines}"
    yield "a long name of a variable", "E022", f"{HEAD}a: ${{{'x' * BIG}}}"
    yield "names of variables without an end", "E022", f"{HEAD}a: {('${' + 'x' * 100) * 60_000}"
    yield "what only looks like variables", "E030", f"{HEAD}a: {'$${long}' * BIG}"


def _named(name: str) -> str:
    return f"connections:\n- {{name: {name}, provider_type: GitHub}}\n"


def _sized() -> Iterator[tuple[str, str, str | bytes]]:
    padded = HEAD.encode() + b"#"
    yield "bytes at the limit", "", padded.ljust(LIMIT, b"x")
    yield "bytes over the limit", "E005", padded.ljust(LIMIT + 1, b"x")
    # The two of the head count too, and so does the key.
    yield "values at the limit", "E030", f"{HEAD}a: [{_repeated('b', 100_000 - 3)}]"
    yield "values over the limit", "E020", f"{HEAD}a: [{_repeated('b', 100_000 - 2)}]"
    yield "values far over the limit", "E020", f"{HEAD}a: [{'{}, ' * BIG}]"


def _encoded() -> Iterator[tuple[str, str, str | bytes]]:
    yield "a byte order mark", "", b"\xef\xbb\xbf" + HEAD.encode()
    yield "two byte order marks", "", b"\xef\xbb\xbf" * 2 + HEAD.encode()
    yield "UTF-16", "E007", HEAD.encode("utf-16")
    yield "UTF-16 without a mark", "E008", HEAD.encode("utf-16-le")
    yield "UTF-32", "E007", HEAD.encode("utf-32")
    yield "NUL", "E008", HEAD + "a: \0"
    yield "8 MB of NUL", "E008", bytes(LIMIT)
    yield "Latin-1", "E007", HEAD.encode() + b"a: caf\xe9"
    yield "half a surrogate pair", "E007", HEAD.encode() + b"a: \xed\xa0\x80"
    yield "an overlong slash", "E007", HEAD.encode() + b"a: \xc0\xaf"
    yield "a tab", "E010", HEAD + "a:\n\tb: 1"
    yield "an escape", "E008", HEAD + "a: \x1b[31m"


def _shaped() -> Iterator[tuple[str, str, str | bytes]]:
    yield "nothing", "E011", ""
    yield "only comments", "E011", "# a\n" * MANY
    yield "only blanks", "E011", " \n" * MANY
    yield "two documents", "E012", HEAD + "---\n" + HEAD
    yield "many documents", "E012", "--- {}\n" * MANY
    yield "a key twice", "E015", HEAD + "owner: x"
    yield "a key twice, quoted", "E015", HEAD + '"owner": x'
    yield "a key twice, escaped", "E015", HEAD + '"\\u006fwner": x'
    yield "a key twice, explicit", "E015", HEAD + "? owner\n: x"
    yield "a key twice, by an alias", "E017", HEAD + "a: &o owner\n*o : x"


_ALL = (_deep, _floods, _expanding, _long, _replaced, _sized, _encoded, _shaped)


def bombs() -> Iterator[tuple[str, str, bytes]]:
    """Each file's name, the code of its problem (empty: it is valid), and its bytes."""
    every: tuple[Callable[[], Iterator[tuple[str, str, str | bytes]]], ...] = _ALL
    for some in every:
        for name, code, text in some():
            yield name, code, text if isinstance(text, bytes) else text.encode()
