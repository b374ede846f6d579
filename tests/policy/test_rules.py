"""Policy files are read like desired-state files: every problem at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import SpecError
from reconciler.policy.rules import load

RULE = "- {id: a, message: m, expression: 'true'}\n"
HEAD = "version: 1\nrules:\n"

# what a file says, with a mark at the place; what has to be said about it
BROKEN = [
    ("§rules: [" + RULE[2:-1] + "]\n", "E031 required key `version` is missing"),
    ("version: §2\nrules:\n" + RULE, "E038 `version` cannot be `2`"),
    ("version: 1\n§rule: []\nrules:\n" + RULE, "E030 unknown key `rule` (did you mean rules?)"),
    ("§version: 1\n", "E039 `rules` has to hold at least one entry"),
    ("version: 1\nrules: §[]\n", "E039 `rules` has to hold at least one entry"),
    (
        HEAD + "- §{id: a, each: plan, kinds: [host], message: m, expression: 'true'}\n",
        "E040 a plan has no kind (take `kinds` out, or say `each: change`)",
    ),
    ("version: 1\nrules: §{}\n", "E032 `rules` has to be a list"),
    (HEAD + "- §text\n", "E032 an entry of `rules` has to be a mapping"),
    (HEAD + "- §{id: a, message: m}\n", "E031 required key `expression` is missing"),
    (
        HEAD + "- {id: §A b, message: m, expression: 'true'}\n",
        "E037 `id` cannot be `A b` (it has to match",
    ),
    (
        HEAD + "- {id: a, level: §must, message: m, expression: 'true'}\n",
        "E038 `level` cannot be the text `must` (it has to be mandatory or advisory)",
    ),
    (
        HEAD + "- {id: a, kinds: [§hosts], message: m, expression: 'true'}\n",
        "E040 `kinds[0]`: there is no kind `hosts` (it is one of host, connection,",
    ),
    (
        HEAD + "- {id: a, kinds: §[], message: m, expression: 'true'}\n",
        "E039 `kinds` holds 0 items",
    ),
    (HEAD + "- {id: a, message: m, expression: §true}\n", "E033 `expression` has to be text"),
    (
        HEAD + "- {id: a, message: m, expression: §object.}\n",
        "E050 `expression` is not CEL: line 1, column 7 of it is not understood",
    ),
    (HEAD + RULE + RULE.replace("id: a", "id: §a"), "E041 rule `a` is already there"),
]


@pytest.mark.parametrize(("marked", "said"), BROKEN)
def test_a_problem_is_told(marked: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(marked.replace("§", ""), encoding="utf-8")
    before = marked.partition("§")[0]
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    with pytest.raises(SpecError) as error:
        load([str(path)])
    (problem,) = error.value.problems
    assert str(problem).startswith(f"{path}:{place}: {said}")
    assert problem.hint


def test_all_problems_are_told_at_once_in_the_order_of_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + RULE, encoding="utf-8")
    broken = "- {id: b, expression: 1}\n- {id: a, message: m, expression: 'true'}\n"
    (tmp_path / "b.yaml").write_text(HEAD + broken, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        load([str(tmp_path)])
    codes = [problem.code for problem in error.value.problems]
    assert codes == ["E031", "E033", "E041"]


def test_files_and_folders_add_up(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + RULE, encoding="utf-8")
    other = tmp_path / "c.yml"
    other.write_text(HEAD + RULE.replace("id: a", "id: b, level: advisory"), encoding="utf-8")
    rules = load([str(tmp_path), str(other)])
    assert [(rule.id, rule.level, rule.each, rule.kinds) for rule in rules] == [
        ("a", "mandatory", "object", None),
        ("b", "advisory", "object", None),
    ]
