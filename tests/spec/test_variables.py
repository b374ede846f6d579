"""Files with `${name}` in, and variables; what they declare, or a problem for each, out."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.errors import ReconcilerError, SpecError
from reconciler.resource import Address
from reconciler.spec.document import load
from reconciler.spec.source import Limits, parse
from reconciler.spec.variables import Variables
from reconciler.spec.writing import block, literal

HEAD = "version: 1\nowner: platform\n"
ENTRY = "connections:\n- name: main\n  provider_type: GitHub\n  "
PROTECT = HEAD + ENTRY + "protect: "
HOST = (
    HEAD + "hosts:\n- name: ghes\n  provider_type: GitHubEnterpriseServer\n"
    "  provider_endpoint: https://ghes.example.com\n"
    "  vpc_configuration:\n    vpc_id: vpc-01234567\n"
    "    subnet_ids: [subnet-01234567]\n    security_group_ids: [sg-01234567]\n"
    "    tls_certificate: "
)
GIVEN = {
    "env": "prod",
    "a-b_1": "one",
    "no": "no",
    "empty": "",
    "nested": "${env}",
    "yaml": "[a: #",
}


def read(text: str, variables: Mapping[str, str] | None = GIVEN) -> Any:
    """What a file with this text declares."""
    return load(["-"], stdin=io.BytesIO(text.encode()), variables=variables)


def found(text: str, variables: Mapping[str, str] | None = GIVEN) -> list[str]:
    """Every problem of this text, without the name of its file."""
    with pytest.raises(SpecError) as error:
        read(text, variables)
    return [str(problem).removeprefix("<stdin>:") for problem in error.value.problems]


def protects(written: str, variables: Mapping[str, str] | None = GIVEN) -> str:
    """The text that is declared with what is written."""
    resource = read(PROTECT + written, variables).resources[Address("connection", "main")]
    return str(resource.protect)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("${env}", "prod"),
        ("'${env}'", "prod"),
        ('"${env}"', "prod"),
        ('"\\x24{env}"', "prod"),
        (">-\n    a\n    ${env}", "a prod"),
        ("x-${env}-${a-b_1}-${env}", "x-prod-one-prod"),
        ("${no}", "no"),
        ("1${empty}", "1"),
        ("${yaml}", "[a: #"),
        ("${nested}", "${env}"),
        ("$${env}", "${env}"),
        ("$$${env}", "$${env}"),
        ("'$${'", "${"),
        ("$env $ {env} $(env) {env}", "$env $ {env} $(env) {env}"),
        ("a  # ${other} and ${", "a"),
    ],
)
def test_a_variable_is_replaced_in_a_text(written: str, text: str) -> None:
    assert protects(written) == text


def test_a_variable_is_replaced_wherever_a_text_stands() -> None:
    text = "version: 1\nowner: ${env}\nregion: eu-${a-b_1}\ndefaults: {tags: {team: '${env}'}}\n"
    text += "ignore_tags: ['${env}-*', '${no}', '${env}']\n"
    text += "connections:\n- name: c-${env}\n  provider_type: GitHub\n"
    text += "repository_links:\n- {owner_id: acme, repository_name: r, connection: 'c-${env}'}\n"
    desired = read(text)
    assert (desired.owner, desired.region) == ("prod", "eu-one")
    assert desired.ignore_tags == ("prod-*", "no", "prod")
    connection = desired.resources[Address("connection", "c-prod")]
    assert connection.tags == {"team": "prod"}
    assert desired.resources[Address("repository_link", "acme/r")].connection == "c-prod"


@pytest.mark.parametrize("key", ["'${env}'", '"${env}"', "${env}", "? ${env}\n    "])
def test_a_key_is_left_alone(key: str) -> None:
    resource = read(f"{HEAD}{ENTRY}tags:\n    {key}: ${{env}}\n").resources
    assert resource[Address("connection", "main")].tags == {"${env}": "prod"}


@pytest.mark.parametrize(
    ("before", "code"),
    [("{a: [{}], b: {}}", "E030"), ("[a, [b]]", "E030"), ("*alias", "E017"), ("!file x", "E021")],
)
def test_a_key_is_told_from_a_value_whatever_stands_before_it(before: str, code: str) -> None:
    told = found(f"{HEAD}hosts: {before}\n${{key}}: {{'${{key}}': a}}\n")
    codes = {line.split()[1] for line in told}
    assert code in codes
    assert "E022" not in codes


def test_the_path_of_a_file_is_replaced_and_not_its_content(tmp_path: Path) -> None:
    (tmp_path / "ca-prod.pem").write_text("${env} ${", encoding="utf-8")
    (tmp_path / "a.yaml").write_text(HOST + "!file ca-${env}.pem\n", encoding="utf-8")
    desired = load([str(tmp_path)], variables=GIVEN)
    host = desired.resources[Address("host", "ghes")]
    assert host.vpc_configuration.tls_certificate == "${env} ${"  # type: ignore[attr-defined]


# what is written for a text, and each place with its variable
WRONG = [
    ("§${other}", ["other"]),
    ("'a §${other}'", ["other"]),
    ("§${a} ${env} §${b} $${c} §${a}", ["a", "b", "a"]),
    ("|\n    é first\n    then §${a}\n\n    and §${b}\n", ["a", "b"]),
    ('"a\n\n     b §${a}"', ["a"]),
    ("one\n    two §${a}\n    three", ["a"]),
    ('§"\\x24{a} x"', ["a"]),
    ('§§"\\x24{a} ${b}"', ["a", "b"]),
    ("!file §${a}", ["a"]),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("written", "names"), WRONG)
@pytest.mark.parametrize("variables", [None, {}, GIVEN])
def test_each_unknown_variable_is_told_at_its_place(
    written: str, names: list[str], variables: Mapping[str, str] | None, newline: str
) -> None:
    if variables != GIVEN:
        written = written.replace("${env}", "$${env}")
    text = PROTECT + written
    before = [part.split("\n") for part in _heads(text)]
    places = [f"{len(lines)}:{len(lines[-1]) + 1}" for lines in before]
    told = found(text.replace("§", "").replace("\n", newline), variables)
    assert [line.split(": ")[0] for line in told] == places
    assert [line.split(" `")[0].split(": ")[1] for line in told] == ["E022 variable"] * len(names)
    assert [line.split("`")[1] for line in told] == names
    assert not any(", through the variable" in line for line in told)


def _heads(text: str) -> list[str]:
    """What stands before each mark, without the marks."""
    parts = text.split("§")
    return ["".join(parts[:number]) for number in range(1, len(parts))]


@pytest.mark.parametrize("written", ["${", "${}", "${ env}", "${1a}", "${env", "${é}", "a${env-"])
def test_what_begins_no_variable_is_a_problem(written: str) -> None:
    (told,) = found(f"{PROTECT}'{written}'")
    assert told.startswith(
        f"6:{13 + written.index('$')}: E022 `${{` begins no variable (write `${{"
    )


def test_the_hint_says_what_to_do() -> None:
    itself = "write `$${` for the text `${` itself)"
    assert found(PROTECT + "${x}", None)[0].endswith(
        f"variable `x` is used, and there are no variables here (run with --targets, the file that "
        f"gives them; {itself}"
    )
    assert found(PROTECT + "${x}", {"b": "", "a": ""})[0].endswith(f"variables: a, b; {itself}")
    assert found(PROTECT + "${x}", {})[0].endswith(f"known variables: none; {itself}")


def test_brackets_need_quotes_and_the_hint_says_so() -> None:
    text = f"{HEAD}connections:\n- {{name: ${{env}}, provider_type: GitHub}}\n"
    assert "E009" in found(text)[0]
    assert found(text)[0].endswith("(quote a text with ${...} in it between brackets)")
    assert read(text.replace("${env}", "'${env}'")).resources


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "region: ${yaml}\n", "`region` cannot be `[a: #`, through the variable `yaml`"),
        (HEAD + "region: x${env}${yaml}\n", "`xprod[a: #`, through the variables `env`, `yaml`"),
        (HEAD + ENTRY + "protect: ${empty}\n", "has 0 characters, through the variable `empty`"),
        (HEAD + ENTRY + "adopt: ${env}\n", "or false, not the text `prod`, through the variable"),
        (HEAD.replace("1", "${env}"), "`version` cannot be the text `prod`, through the variable"),
        (
            HEAD + "repository_links:\n- owner_id: a\n  repository_name: r\n  connection: ${env}\n",
            "connection `prod` is not declared, through the variable `env` (declare",
        ),
        (HEAD + ENTRY + "protect: !file ${empty}\n", "E021"),
        (HOST + "!file ${env}\n", "E021"),
    ],
)
def test_a_replaced_text_has_to_be_right_too(text: str, problem: str) -> None:
    (told,) = found(text)
    assert problem in told


def test_a_refused_text_is_no_second_problem() -> None:
    text = HEAD + "region: X ${x}\nconnections:\n- name: ${x}\n  provider_type: ${x}\n"
    assert [line.split()[1] for line in found(text)] == ["E022"] * 3


@pytest.mark.parametrize(
    "variables",
    [{"1a": "x"}, {"": "x"}, {"a b": "x"}, {"a": "x\x1b[31m"}, {"a": "a\nb"}, {"a": "\ud800"}],
)
def test_what_cannot_be_a_variable_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(ReconcilerError) as error:
        read(HEAD, variables)
    assert str(error.value).isprintable()


def test_what_variables_put_into_a_file_is_bounded() -> None:
    limits = Limits(bytes=100_000)
    text = (HEAD + "a: '" + "${x}" * 20_000 + "'").encode()
    begun = time.monotonic()
    for size, refused in ((4, False), (6, True), (1_000_000, True)):
        given = {"x": "é" * (size // 2)}
        with pytest.raises(SpecError) as error:
            load(["-"], stdin=io.BytesIO(text), limits=limits, variables=given)
        (problem,) = error.value.problems
        assert (problem.code == "E005") == refused
    assert str(problem).startswith("<stdin>:3:4: E005 variables put more than 100000 bytes into")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("piece", ["${x}", "${", "${x ", "$${", "$", "\n    ${x}"])
def test_a_flood_is_soon_over(piece: str) -> None:
    text = PROTECT + "|\n    " + piece * 1_000_000
    begun = time.monotonic()
    with pytest.raises(SpecError) as error:
        read(text, {})
    assert len(error.value.problems) <= 1_001
    assert time.monotonic() - begun < 10


def test_without_variables_at_all_a_file_is_read_as_it_stands() -> None:
    """As policies are, and files before they are edited."""
    problems: list[Any] = []
    assert parse("a: ${b} $${c} ${", "f", problems) == {"a": "${b} $${c} ${"}
    assert problems == []


@example("${")
@example("$${a}")
@example("$$${a} ${b} $")
@given(st.text(st.sampled_from("${}a\\\"' \n"), max_size=12))
def test_any_text_can_be_written_literally(text: str) -> None:
    problems: list[Any] = []
    variables = Variables({"a": "wrong"})
    written = block({"k": literal(text), "l": literal([text, {"$${a}": text}])})
    content = parse(written, "f", problems, variables=variables)
    assert content == {"k": text, "l": [text, {"$${a}": text}]}
    assert problems == []
