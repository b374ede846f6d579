"""Edits of desired-state files change what was meant, and no other byte."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.errors import EditError
from reconciler.spec.edit import Append, Drop, Edit, Outline, Put, Remove, edited
from reconciler.spec.writing import Written

BLOCK = """\
# ours
version: 1
owner: "platform"   # who

connections:
  # the main one
  - name: main  # ours
    provider_type: GitHub
    tags:
      # who pays
      team: 'platform'   # us
      env: prod
    protect: >-
      production
      uses it

  # the other
  - name: other
    provider_type: GitLab
    # inside
hosts:
  - {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: "https://a"}
  - name: lab
    provider_type: GitLabSelfManaged
    provider_endpoint: https://b
    vpc_configuration:
      vpc_id: vpc-01234567
      subnet_ids:   # all of them
        - subnet-01234567  # a
        - subnet-89abcdef  # b
      security_group_ids: [sg-01234567, 'sg-89abcdef']  # both
# the end
"""
C, H, R = "connections", "hosts", "repository_links"
VPC = "vpc_configuration"

# the edit, what goes, what comes in its place (in BLOCK)
CASES: list[tuple[Edit, str, str]] = [
    (Put(C, 0, ("provider_type",), "Bitbucket"), "GitHub\n    tags", "Bitbucket\n    tags"),
    (Put(C, 0, ("tags", "team"), "it's"), "'platform'   # us", "'it''s'   # us"),
    (Put(C, 0, ("tags", "env"), "no"), "env: prod", 'env: "no"'),
    (Put(C, 0, ("tags", "a b"), "1e3"), "env: prod\n", 'env: prod\n      a b: "1e3"\n'),
    (Put(C, 0, ("protect",), "new"), ">-\n      production\n      uses it", "new"),
    (Put(C, 1, ("tags", "a"), "x, y"), "GitLab\n", "GitLab\n    tags:\n      a: x, y\n"),
    (Put(C, 1, ("protect",), "- x: y"), "GitLab\n", "GitLab\n    protect: '- x: y'\n"),
    (Put(H, 0, ("provider_endpoint",), "https://c"), '"https://a"', '"https://c"'),
    (Put(H, 0, ("tags", "a"), "b, c"), '"https://a"}', "\"https://a\", tags: {a: 'b, c'}}"),
    (
        Put(H, 1, (VPC, "subnet_ids"), ["subnet-01234567", "subnet-11111111"]),
        "- subnet-89abcdef  # b\n",
        "- subnet-11111111\n",
    ),
    (
        Put(H, 1, (VPC, "security_group_ids"), ["sg-89abcdef", "sg-11111111"]),
        "[sg-01234567, 'sg-89abcdef']",
        "['sg-89abcdef', sg-11111111]",
    ),
    (Drop(C, 0, ("tags", "env")), "      env: prod\n", ""),
    (Drop(C, 0, ("protect",)), "    protect: >-\n      production\n      uses it\n", ""),
    (Drop(C, 0, ("name",)), "name: main  # ours\n    ", ""),
    (Drop(H, 0, ("provider_type",)), "provider_type: GitHubEnterpriseServer, ", ""),
    (Drop(H, 1, (VPC,)), BLOCK[BLOCK.index("    vpc_conf") : BLOCK.index("# the end")], ""),
    (Remove(C, 1), BLOCK[BLOCK.index("  # the other") : BLOCK.index("hosts:")], ""),
    (Remove(C, 0), BLOCK[BLOCK.index("  # the main") : BLOCK.index("\n  # the other") + 1], ""),
    (Remove(H, 1), BLOCK[BLOCK.index("  - name: lab") : BLOCK.index("# the end")], ""),
    (
        Append(C, Written({"name": "0123", "tags": {"a": "b"}}, ["a note\n- x"])),
        "    # inside\n",
        '    # inside\n\n  # a note\\n- x\n  - name: "0123"\n    tags:\n      a: b\n',
    ),
    (
        Append(R, Written({"owner_id": "acme", "list": ["a"]})),
        "# the end\n",
        "\nrepository_links:\n  - owner_id: acme\n    list:\n      - a\n# the end\n",
    ),
]


def changed(text: str, *edits: Edit) -> str:
    """The text with these edits."""
    return edited(text.encode(), edits).decode()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize(("edit", "gone", "come"), CASES, ids=str)
def test_only_what_was_meant_changes(edit: Edit, gone: str, come: str, ending: str) -> None:
    assert BLOCK.count(gone) == 1
    wanted = BLOCK.replace(gone, come).replace("\n", ending)
    assert changed(BLOCK.replace("\n", ending), edit) == wanted
    assert changed("\ufeff" + BLOCK.replace("\n", ending), edit) == "\ufeff" + wanted


FLOW = '{"version": 1, "connections": [{"name": "a", "tags": {"x": "z"}}, {"name": "b"}]}'
LINES = """\
version: 1
connections: [
  {
    name: a,  # first
    provider_type: GitHub,
    tags: {x: z},
  },
  {name: b},  # second
  {name: c}
]"""

L_B, L_BC = Put(H, 0, ("l",), ["b"]), Put(H, 0, ("l",), ["b", "c"])
STYLES: list[tuple[str, tuple[Edit, ...], str]] = [
    (FLOW, (Put(C, 0, ("tags", "k"), "v"),), FLOW.replace('"z"', '"z", "k": "v"')),
    (FLOW, (Put(C, 1, ("tags", "k"), "v"),), FLOW.replace('"b"}', '"b", "tags": {"k": "v"}}')),
    (FLOW, (Drop(C, 0, ("tags", "x")),), FLOW.replace('{"x": "z"}', "{}")),
    (FLOW, (Remove(C, 0),), FLOW.replace('{"name": "a", "tags": {"x": "z"}}, ', "")),
    (FLOW, (Remove(C, 1),), FLOW.replace(', {"name": "b"}', "")),
    (FLOW, (Remove(C, 0), Remove(C, 1)), '{"version": 1, "connections": []}'),
    (FLOW, (Append(C, Written({"name": "c"})),), FLOW.replace("]", ', {"name": "c"}]')),
    (FLOW, (Append(H, Written({"name": "h"})),), FLOW[:-1] + ', "hosts": [{"name": "h"}]}'),
    (LINES, (Drop(C, 0, ("provider_type",)),), LINES.replace("    provider_type: GitHub,\n", "")),
    (LINES, (Remove(C, 1),), LINES.replace("  {name: b},  # second\n", "")),
    (LINES, (Remove(C, 2),), LINES.replace("  {name: c}\n", "")),
    (
        LINES,
        (Append(C, Written({"name": "d"})),),
        LINES.replace("{name: c}\n", "{name: c},\n  {name: d}\n"),
    ),
    (
        LINES,
        (Put(C, 0, ("protect",), "p"),),
        LINES.replace("{x: z},\n", "{x: z},\n    protect: p,\n"),
    ),
    (
        "version: 1\nhosts:  # none\n  - name: a",
        (Remove(H, 0),),
        "version: 1\nhosts: []  # none",
    ),
    (
        "version: 1\nhosts: []  # none",
        (Append(H, Written({"name": "a", "tags": {"x": "z"}})),),
        "version: 1\nhosts:  # none\n  - name: a\n    tags:\n      x: z",
    ),
    (
        "version: 1\nhosts:\n- name: a",
        (Append(H, Written({"name": "b"})), Append(C, Written({"name": "c", "l": ["x"]}))),
        "version: 1\nhosts:\n- name: a\n- name: b\n\nconnections:\n- name: c\n  l:\n  - x",
    ),
    (
        "hosts:\n- {name: a}  # x\nversion: 1\n",
        (Append(H, Written({"name": "b", "l": ["x"]})),),
        "hosts:\n- {name: a}  # x\n- {name: b, l: [x]}\nversion: 1\n",
    ),
    (
        "hosts:\n-   protect: x  # why\n    # who\n    name: a\n",
        (Drop(H, 0, ("protect",)),),
        "hosts:\n-\n    # who\n    name: a\n",
    ),
    (
        "hosts:\n- name: a\n  tags:  # none\n    x: z\n",
        (Drop(H, 0, ("tags", "x")),),
        "hosts:\n- name: a\n  tags: {}  # none\n",
    ),
    (
        "hosts:\n- name: a\n  tags: {}  # none\n- name: b\n",
        (Put(H, 0, ("tags", "x"), "z"), Put(H, 1, ("tags", "x"), "z"), Put(H, 0, ("name",), "c")),
        "hosts:\n- name: c\n  tags: {x: z}  # none\n- name: b\n  tags:\n    x: z\n",
    ),
    (
        "hosts:\n- l: ['a', 'b']\n  m:\n  -   'a'\n",
        (Put(H, 0, ("l",), ["c"]), Put(H, 0, ("m",), ["a", "b"])),
        "hosts:\n- l: ['c']\n  m:\n  -   'a'\n  -   'b'\n",
    ),
    (
        "hosts:\n\n- name: a\n\n- name: b\n\n- name: c\n",
        (Remove(H, 1), Append(H, Written({"name": "d"}))),
        "hosts:\n\n- name: a\n\n- name: c\n\n- name: d\n",
    ),
    ("hosts:\n- name: a\n\n\n- name: b\n", (Remove(H, 1),), "hosts:\n- name: a\n"),
    # comments of what stays
    (
        "hosts:\n- p: |2-  # why\n      x\n\n",
        (Put(H, 0, ("p",), "z"),),
        "hosts:\n- p: z  # why\n\n",
    ),
    (
        "hosts:\n- p: > # why\n   x\n  # q\n",
        (Put(H, 0, ("p",), "#"),),
        "hosts:\n- p: '#' # why\n  # q\n",
    ),
    ("hosts:\n- l: [a, # 1\n    b # 2\n    ]\n", (L_B,), "hosts:\n- l: [ # 1\n    b # 2\n    ]\n"),
    ("hosts:\n- l: [b, # 1\n    a]\n", (L_B,), "hosts:\n- l: [b, # 1\n    ]\n"),
    ("hosts:\n- l: [b, # 1\n    a,]\n", (L_B,), "hosts:\n- l: [b, # 1\n    ]\n"),
    ("hosts:\n- l: [\n  b, a, # 1\n  c]\n", (L_BC,), "hosts:\n- l: [\n  b,  # 1\n  c]\n"),
    (
        "hosts:\n- l: # 0\n  - a # 1\n  # 2\n  - b # 3\n",
        (L_B,),
        "hosts:\n- l: # 0\n  # 2\n  - b # 3\n",
    ),
]


@pytest.mark.parametrize(("text", "edits", "wanted"), STYLES)
def test_the_style_of_the_file_is_kept(text: str, edits: tuple[Edit, ...], wanted: str) -> None:
    assert changed(text, *edits) == wanted


@pytest.mark.parametrize(
    ("text", "edit", "said"),
    [
        ("hosts:\n- name: !file n.txt\n", Put(H, 0, ("name",), "x"), "!file"),
        ("hosts:\n- name: a\n  protect: !file n\n", Drop(H, 0, ("protect",)), "!file"),
        ("hosts:\n- name: a\n", Drop(H, 0, ("tags", "x")), "not written"),
        ("hosts:\n- name: a\n  tags: {y: z}\n", Drop(H, 0, ("tags", "x")), "not written"),
        ("hosts:\n- ? name\n  : a\n  protect: x\n", Drop(H, 0, ("name",)), "not understood"),
        ("hosts:\n- name: a\n  p: |+\n    x\n\n", Put(H, 0, ("q",), "x"), "not understood"),
        ("hosts:\n- tags: { # of all\n    a: b}\n", Drop(H, 0, ("tags", "a")), "a comment stands"),
        ("hosts: [ # none\n  {name: a}]\n", Remove(H, 0), "a comment stands"),
        ("hosts:\n- name: [a]\n", Put(H, 0, ("name",), "x"), "it is a list"),
        ("hosts:\n- name: {a: b}\n", Put(H, 0, ("name",), "x"), "no single value"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, edit: Edit, said: str) -> None:
    with pytest.raises(EditError, match=said):
        changed(text, edit)


def test_an_entry_is_found_by_its_place() -> None:
    data = ("\ufeff" + BLOCK).encode()
    entries = Outline.of(data).entries
    assert entries[C, 18, 5] == 1
    assert (C, 17, 5) not in entries
    assert entries[H, 23, 5] == 1
    assert (R, 1, 1) not in entries


def test_what_is_put_there_begins_no_variable() -> None:
    edits: list[Edit] = [
        Put("connections", 0, ("tags", "${k}"), "${v}"),
        Put("hosts", 1, ("vpc_configuration", "subnet_ids"), ["subnet-01234567", "${s}"]),
        Append("connections", Written({"name": "$${n}", "tags": {"a": "${t}"}})),
    ]
    data = BLOCK.replace("subnet-01234567  # a", "$${s}").encode()
    after = edited(data, edits).decode()
    assert "'${k}': $${v}\n" in after
    assert after.count("$${s}") == 1
    assert "name: $$${n}\n" in after
    assert "a: $${t}\n" in after


def test_a_file_is_not_read_again_for_each_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    compose = yaml.compose

    def counted(text: str, loader: Any) -> Any:
        read.append(text)
        return compose(text, loader)

    monkeypatch.setattr("reconciler.spec.layout.yaml.compose", counted)
    entries = [f"- name: c{n}\n  tags:\n    team: a\n    stage: dev\n" for n in range(50)]
    text = "connections:\n" + "".join(entries)
    edits: list[Edit] = [
        Put("connections", n, ("tags", key), value)
        for n in range(50)
        for key, value in (("team", "b"), ("more", "c"), ("stage", "prod"))
    ]
    expected = text.replace("team: a", "team: b").replace("dev\n", "prod\n    more: c\n")
    assert changed(text, *edits) == expected
    assert len(read) < 10
