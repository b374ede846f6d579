"""The targets file: what it may say, what it means, and every problem with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError, SpecError
from reconciler.fleet.targets import FleetTarget, load, selected

WHOLE = """version: 1
defaults:
  role: reconciler
  external_id: shared
  regions: [eu-west-1, us-east-1]
  paths: [connections]
  tags: [all]
  variables: {team: platform, stage: dev}
targets:
- account: "111122223333"
  name: prod
  tags: [prod]
  variables: {stage: prod}
- account: "222233334444"
  regions: [cn-north-1]
  role: arn:aws-cn:iam::222233334444:role/other
  session_name: nightly
  paths: [more/a.yaml, b.yaml]
- {account: "333344445555", regions: [us-gov-west-1]}
"""


def loaded(text: str, folder: str = "fleet") -> tuple[FleetTarget, ...]:
    Path(folder).mkdir(exist_ok=True)
    file = Path(folder) / "targets.yaml"
    file.write_text(text, encoding="utf-8")
    return load(str(file))


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        loaded(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_region_is_a_target_and_defaults_hold_where_nothing_else_is_said() -> None:
    first, second, china, gov = loaded(WHOLE)
    assert (first.name, second.name) == ("prod/eu-west-1", "prod/us-east-1")
    assert first.role == "arn:aws:iam::111122223333:role/reconciler"
    assert first.paths == ("fleet/connections",)
    assert first.tags == ("all", "prod")
    assert dict(first.variables) == {"team": "platform", "stage": "prod"}
    assert (first.external_id, first.session_name) == ("shared", "reconciler")
    assert (china.name, china.region) == ("222233334444", "cn-north-1")
    assert china.role == "arn:aws-cn:iam::222233334444:role/other"
    assert china.session_name == "nightly"
    assert china.paths == ("fleet/more/a.yaml", "fleet/b.yaml")
    assert gov.role == "arn:aws-us-gov:iam::333344445555:role/reconciler"


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        ([], ["prod/eu-west-1", "prod/us-east-1", "222233334444", "333344445555"]),
        (["prod/*"], ["prod/eu-west-1", "prod/us-east-1"]),
        (["tag:prod"], ["prod/eu-west-1", "prod/us-east-1"]),
        (["tag:all,region:us-*"], ["prod/us-east-1", "333344445555"]),
        (["region:cn-*", "account:1111*"], ["prod/eu-west-1", "prod/us-east-1", "222233334444"]),
        (["name:333344445555"], ["333344445555"]),
    ],
)
def test_selectors(selectors: list[str], names: list[str]) -> None:
    assert [one.name for one in selected(loaded(WHOLE), selectors)] == names


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("tag:prd", "tags are all, prod"),
        ("prd*", "names are 222233334444, 333344445555, prod/eu-west-1, prod/us-east-1"),
        ("account:9*", "accounts are 111122223333, 222233334444, 333344445555"),
        ("tag:all,region:ap-*", "regions are cn-north-1, eu-west-1, us-east-1, us-gov-west-1"),
        ("tagg:prod", "tagg: is none of account:, name:, region:, tag:"),
        ("tag:prod,region:cn-*", "no target is what all its parts say"),
    ],
)
def test_a_selector_for_nothing_is_refused(selector: str, hint: str) -> None:
    with pytest.raises(ReconcilerError) as caught:
        selected(loaded(WHOLE), ["tag:prod", selector])
    assert str(caught.value) == f"--target {selector} is about no target: {hint}"


def test_of_many_names_some_are_told() -> None:
    many = "".join(f'- {{account: "{n:012}", regions: [eu-west-1]}}\n' for n in range(12))
    targets = loaded(f"version: 1\ntargets:\n{many}")
    with pytest.raises(ReconcilerError, match=r"names are 0{12}, .*0{11}9, \.\.\.$"):
        selected(targets, ["prod"])
    with pytest.raises(ReconcilerError, match=r"tag:prod is about no target: no target has a tag$"):
        selected(targets, ["tag:prod"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 1\n", "targets.yaml:1:1: E039 `targets` has to hold at least one entry"),
        (
            "version: 1\ntargets: []\n",
            "targets.yaml:2:10: E039 `targets` has to hold at least one entry",
        ),
        ("version: 1\ntargets: {}\n", "targets.yaml:2:10: E032 `targets` has to be a list"),
        (
            "version: 1\ntargets: [x]\n",
            "targets.yaml:2:11: E032 an entry of `targets` has to be a mapping",
        ),
        ('version: 1\ntargets:\n- {account: "1"}\n', ":3:13: E035 `account`"),
        ("version: 1\ntargets:\n- {account: 111122223333}\n", ":3:13: E033 `account`"),
        ('version: 1\ntargets:\n- {account: "111122223333"}\n', ":3:3: E031 no Region is given"),
        ("version: 1\ntargets:\n- {regions: [eu-west-1]}\n", ":3:3: E031 required key `account`"),
        ("version: 2\ntargets: []\n", ":1:10: E038 `version`"),
        (
            "version: 1\ndefaults: {regions: [eu-west-1]}\ntargets:\n"
            '- {account: "111122223333"}\n- {account: "111122223333"}\n',
            ":5:3: E041 target `111122223333` is already there",
        ),
        (
            'version: 1\ntargets:\n- {account: "111122223333", regions: [eu-west-1, eu-west-1]}\n',
            ":3:38: E041 Region `eu-west-1` is listed twice (list it once)",
        ),
        (
            'version: 1\ntargets:\n- {account: "111122223333", paths: ["-"]}\n',
            ":3:36: E037 `-` is standard input, which there is only once (write a file)",
        ),
        (
            'version: 1\ntargets:\n- {account: "111122223333", role: "arn:x"}\n',
            ":3:35: E037 `role` cannot be `arn:x`",
        ),
        (
            "version: 1\ndefaults: {role: 'arn:aws:iam::111122223333:role/r222233334444'}\n"
            'targets:\n- {account: "222233334444", regions: [eu-west-1]}\n',
            ":4:3: E037 the role is of another account: `arn:aws:iam::111122223333:role/r22",
        ),
        (
            'version: 1\ntargets:\n- {account: "111122223333", regions: [eu-west-1], rol: x}\n',
            ":3:51: E030 unknown key `rol`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, problem: str) -> None:
    assert any(problem in line for line in problems(text)), problems(text)


def test_every_problem_is_told_at_once() -> None:
    found = problems('version: 1\ntargets:\n- {account: "1"}\n- {account: "2", tags: [" "]}\n')
    assert len(found) == 3


def test_a_wrong_header_hides_no_problem_of_the_targets() -> None:
    found = problems(
        "version: 1\ndefaults: {regions: [eu-west-1], rol: x}\ntargets:\n"
        '- {account: "111122223333"}\n'
        '- {account: "111122223333", regions: [us-east-1, us-east-1]}\n'
        '- {account: "222233334444", role: "arn:aws:iam::111122223333:role/r"}\n'
        '- {account: "333344445555", paths: ["-"]}\n'
    )
    places = [(line.split(":")[1], line.split()[1]) for line in found]
    assert places == [("2", "E030"), ("5", "E041"), ("6", "E037"), ("7", "E037")]


def test_two_targets_whose_files_would_be_the_same_are_refused() -> None:
    clash = '- {account: "444455556666", name: prod_us-east-1, regions: [eu-west-1]}\n'
    (problem,) = problems(WHOLE + clash)
    assert "`prod_us-east-1` is already there" in problem
    assert "its files would be those of `prod/us-east-1` (give it another `name`)" in problem


def test_names_that_differ_in_case_only_are_refused() -> None:
    """On some file systems their folders would be one."""
    clash = '- {account: "444455556666", name: PROD, regions: [eu-west-1, us-east-1]}\n'
    first, second = problems(WHOLE + clash)
    assert (
        "`PROD/eu-west-1` is already there: its files would be those of `prod/eu-west-1`" in first
    )
    assert "`PROD/us-east-1` is already there" in second
