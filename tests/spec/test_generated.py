"""Whatever a file says, it is read or refused: no other error, and no line that breaks.

RECONCILER_INPUTS=100000 pytest -s tests/spec/test_generated.py
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from functools import reduce

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.errors import SpecError
from reconciler.kinds import BY_NAME
from reconciler.spec.document import load
from reconciler.spec.problems import CODES, Problem
from tests.conftest import ROOT
from tests.nasty import TEXTS

INPUTS = int(os.environ.get("RECONCILER_INPUTS", "1000"))
REAL = sorted(path.read_bytes() for path in (ROOT / "examples").rglob("*.yaml"))
FEW = [content for content in REAL if len(content) < 4_000]
HEAD = b"version: 1\nowner: o\n"
# fmt: off
WORDS = [
    b"- ", b": ", b"? ", b", ", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!x ", b"!!map ", b"!file ",
    b"<<: ", b"--- ", b"...", b"# ", b"%YAML 1.2\n", b"|\n  ", b">\n", b"\n", b"\n  ", b"'", b'"',
    b"version", b"owner", b"hosts", b"connections", b"repository_links", b"sync_configurations",
    b"defaults", b"name", b"provider_type", b"GitHub", b"tags", b"id", b"ignore", b"field",
    b"until", b"reason", b"protect", b"previously", b"arn:aws:", b"null", b"~", b"yes", b"0o7",
    b"0x_1", b"1e3", b".inf", b".nan", b"2026-02-30", b"12:30:45", b"=", b"1_000", b"\\u0000",
    b"${", b"$${", b"${name}", b"${x}", b"'${x}'", b"\\x24{x}",
    b"\xff", b"\xef\xbb\xbf", b"\xff\xfe",
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
]
# fmt: on
FOUND: Counter[str] = Counter()
Edit = tuple[int, int, bytes]


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """The content with some of its bytes replaced: each edit is a place, a length and new bytes."""

    def apply(content: bytes, edit: Edit) -> bytes:
        place, length, new = edit
        place %= len(content) + 1
        return content[:place] + new + content[place + length :]

    return reduce(apply, edits, content)


PIECES = st.sampled_from(WORDS)
EDITS = st.lists(
    st.tuples(st.integers(0, 4_000), st.integers(0, 12), PIECES), min_size=1, max_size=3
)
KEYS = st.sampled_from(sorted({key for kind in BY_NAME.values() for key in kind.model_fields}))
SECTIONS = st.sampled_from([kind.section for kind in BY_NAME.values()])
VALUES = st.recursive(
    st.sampled_from(
        [None, True, 7, 1.5, "a", "GitHub", "2026-01-01", "arn:aws:iam::1:role/x", *TEXTS]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=4,
)
ENTRIES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5).map({"name": "n"}.__or__)
DOCUMENTS = st.dictionaries(SECTIONS, st.lists(ENTRIES, max_size=3), max_size=3)
CONTENTS = st.one_of(
    DOCUMENTS.map({"version": 1, "owner": "o"}.__or__).map(json.dumps).map(str.encode),
    st.builds(edited, st.sampled_from(FEW), EDITS),
    st.builds(HEAD.__add__, st.lists(PIECES, max_size=30).map(b"".join)),
    st.lists(PIECES, max_size=30).map(b" ".join),
    st.binary(max_size=200),
)


@example(b"")
@settings(
    max_examples=INPUTS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(CONTENTS)
def read_or_refused(content: bytes) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        load(["-"], stdin=io.BytesIO(content), variables={"x": "- ${x}: é"})
        FOUND["read"] += 1
    except SpecError as error:
        problems = error.problems
        FOUND["refused"] += 1
    FOUND.update(problem.code for problem in problems)
    assert {problem.code for problem in problems} <= set(CODES)
    assert all(str(problem).isprintable() for problem in problems)


def test_any_input_is_read_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    read_or_refused()
    with capsys.disabled():
        print(f"\n{INPUTS:,} inputs: {dict(FOUND.most_common())}")
    assert FOUND["read"] > INPUTS / 50
    assert len(FOUND) > 15
