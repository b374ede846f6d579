"""What holds for any files: their order means nothing, and nothing in them is passed over."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reconciler.errors import SpecError
from reconciler.resource import Desired
from reconciler.spec.document import load

CERTIFIED = {"vpc_id": "vpc-01234567", "security_group_ids": ["sg-01234567"]}
ENTRIES: list[tuple[str, dict[str, Any]]] = [
    ("connections", {"name": "a", "provider_type": "GitHub", "tags": {"k": "v"}}),
    ("connections", {"name": "b", "host": "h"}),
    ("connections", {"name": "c", "provider_type": "GitLab", "protect": "because"}),
    (
        "hosts",
        {
            "name": "h",
            "provider_type": "GitLabSelfManaged",
            "provider_endpoint": "https://git.example.com",
            "vpc_configuration": {**CERTIFIED, "subnet_ids": ["subnet-01234567"]},
        },
    ),
    ("repository_links", {"owner_id": "o", "repository_name": "r", "connection": "a"}),
    ("repository_links", {"owner_id": "o", "repository_name": "s", "connection": "b"}),
    (
        "sync_configurations",
        {
            "resource_name": "stack",
            "repository": "o/s",
            "branch": "main",
            "config_file": "a.yaml",
            "role_arn": "arn:aws:iam::111122223333:role/x",
        },
    ),
]
quick = hypothesis_settings(max_examples=60, deadline=None, derandomize=True)


@contextmanager
def folder(documents: dict[str, Any]) -> Iterator[list[str]]:
    """Files with these names, as JSON, which is YAML as well."""
    with TemporaryDirectory() as path:
        for name, document in documents.items():
            Path(path, name).write_text(json.dumps(document), encoding="utf-8")
        yield [str(Path(path, name)) for name in documents]


def essence(desired: Desired) -> list[tuple[str, Any]]:
    """What is declared, in its order, without its places in the files."""
    return [(str(address), resource) for address, resource in desired.resources.items()]


def split(entries: list[tuple[str, dict[str, Any]]], files: list[int]) -> dict[str, Any]:
    """The entries in files, each in the file whose number stands at its place."""
    documents: dict[str, Any] = {}
    for (section, entry), number in zip(entries, files, strict=True):
        document = documents.setdefault(f"{number}.yaml", {"version": 1, "owner": "p"})
        document.setdefault(section, []).append(entry)
    return documents


WHOLE = essence(
    load(["-"], stdin=io.BytesIO(json.dumps(split(ENTRIES, [0] * 7)["0.yaml"]).encode()))
)


@quick
@given(
    entries=st.permutations(ENTRIES),
    files=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    paths=st.randoms(use_true_random=False),
)
def test_order_never_matters(entries: Any, files: list[int], paths: Any) -> None:
    with folder(split(entries, files)) as names:
        paths.shuffle(names)
        assert essence(load(names)) == WHOLE


KEYS = st.sampled_from(
    [
        *("name", "provider_type", "host", "tags", "id", "previously", "protect", "adopt"),
        *("ignore", "field", "reason", "until", "vpc_configuration", "subnet_ids", "vpc_id", "k"),
    ]
)
VALUES = st.recursive(
    st.sampled_from([None, True, 7, "", "a", "GitHub", "arn:x", "tags"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=4,
)
SECTIONS: dict[str, dict[str, Any]] = {
    "connections": {"name": "n", "provider_type": "GitHub"},
    "hosts": {"name": "n", "provider_type": "GitHub", "provider_endpoint": "u"},
}


@quick
@given(section=st.sampled_from(sorted(SECTIONS)), entry=st.dictionaries(KEYS, VALUES, max_size=5))
def test_an_entry_is_declared_or_its_problem_is_told(section: str, entry: Any) -> None:
    text = json.dumps({"version": 1, "owner": "p", section: [{**SECTIONS[section], **entry}]})
    problems: tuple[Any, ...] = ()
    declared = 0
    try:
        declared = len(load(["-"], stdin=io.BytesIO(text.encode())).resources)
    except SpecError as error:
        problems = error.problems
    assert bool(problems) != (declared == 1)
    for problem in problems:
        assert problem.line == 1
        assert 1 <= problem.column <= len(text)
        assert str(problem).isprintable()


def test_a_missing_value_in_a_list_is_not_passed_over() -> None:
    """Such an entry was once left out, as if it had not been declared, without a word."""
    for lost in ({"previously": [None]}, {"ignore": [None]}, {"ignore": [{"field": None}]}):
        text = json.dumps({"version": 1, "owner": "p", "connections": [{"name": "n", **lost}]})
        with pytest.raises(SpecError) as error:
            load(["-"], stdin=io.BytesIO(text.encode()))
        assert "E034" in {problem.code for problem in error.value.problems}
