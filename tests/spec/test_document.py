"""Desired-state files in; what they declare, or every problem with its place and hint, out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from reconciler.errors import SpecError
from reconciler.resource import Address, Desired
from reconciler.spec.document import load
from reconciler.spec.problems import CODES

HEAD = "version: 1\nowner: platform\n"
HOST = "hosts:\n- {name: ghes, provider_type: GitHubEnterpriseServer, provider_endpoint: u"
MAIN = "connections:\n- {name: main, provider_type: GitHub"
LINK = "repository_links:\n- {owner_id: acme, repository_name: net, connection: "
SYNC = "sync_configurations:\n- resource_name: net\n  branch: main\n  config_file: a.yaml\n"
ROLE = "arn:aws:iam::111122223333:role/git-sync"
ARN = "arn:aws:codeconnections:eu-west-1:111122223333:connection/x"
VPC = "vpc_id: vpc-01234567, security_group_ids: [sg-01234567]"


def declared(text: str, *, owner: str | None = None) -> Desired:
    """What a file with this text declares."""
    return load(["-"], owner=owner, stdin=io.BytesIO(text.encode()))


def found(*paths: str | Path) -> list[str]:
    """Every problem of these files, as lines."""
    with pytest.raises(SpecError) as error:
        load([str(path) for path in paths])
    return [str(problem) for problem in error.value.problems]


def write(folder: Path, **files: str) -> Path:
    """Files with these names and texts, each with a header."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(HEAD + text, encoding="utf-8")
    return folder


# code, what follows the header with a § where its one problem is, the problem's text, its hint
BROKEN = [
    ("E030", MAIN + ", §colour: red}", "unknown key `colour`", "known keys: adopt, host,"),
    ("E030", "§owners: x\n", "unknown key `owners`", "did you mean owner?"),
    ("E030", "§conections: []\n", "unknown key `conections`", "did you mean connections?"),
    (
        "E030",
        HOST + ", vpc_configuration: {§vpcid: x, subnet_ids: [subnet-01234567], " + VPC + "}}",
        "unknown key `vpc_configuration.vpcid`",
        "did you mean vpc_id?",
    ),
    (
        "E030",
        MAIN + ", ignore: [{field: tags.a, reason: r, §utnil: x}]}",
        "unknown key `ignore[0].utnil`",
        "did you mean until?",
    ),
    ("E031", "connections:\n- §provider_type: GitHub\n", "required key `name` is mis", "add"),
    (
        "E031",
        HOST + ", vpc_configuration: §{" + VPC + "}}",
        "required key `vpc_configuration.subnet_ids` is missing",
        "add it",
    ),
    ("E032", "connections: §x\n", "`connections` has to be a list of en", "write `- `"),
    ("E032", "connections: [§x]\n", "an entry of `connections` has to be a map", "for"),
    ("E032", MAIN + ", tags: §x}", "`tags` has to be a mapping, not the te", "write `key"),
    ("E032", MAIN + ", tags: {a: §[b]}}", "`tags.a` has to be text, not a list", "write"),
    ("E032", MAIN + ", adopt: §'yes'}", "`adopt` has to be true or false, not", "write t"),
    ("E032", MAIN + ", previously: §x}", "`previously` has to be a list, not the", "write"),
    ("E032", "defaults: §x\n", "`defaults` has to be a mapping, not the text `x`", "wri"),
    (
        "E032",
        HOST + ", vpc_configuration: §[x]}",
        "`vpc_configuration` has to be a mapping, not a list",
        "write",
    ),
    (
        "E033",
        MAIN + ", protect: §no}",
        "`protect` has to be text, and YAML reads",
        'quote it: "no"',
    ),
    ("E033", MAIN + ", tags: {a: §0123}}", "as a number", 'quote it: "0123"'),
    ("E033", MAIN + ", tags: {a: §12}}", "as a number", 'quote it: "12"'),
    ("E033", MAIN + ", tags: {a: §1:30}}", "as a number", 'quote it: "1:30"'),
    ("E033", MAIN + ", tags: {a: §2024-01-01}}", "as a date", 'quote it: "2024-01-01"'),
    ("E033", MAIN + ", tags: {a: §true}}", "as a boolean", 'quote it: "true"'),
    ("E033", "account: §111122223333\n", "`account` has to be text, and", "quote it"),
    ("E034", MAIN + ", protect: §}", "`protect` has no value", "write a value, or remove"),
    ("E034", MAIN + ", tags: {a: §~}}", "`tags.a` has no value", "remove the key"),
    ("E034", MAIN + ", previously: [a, §~]}", "`previously[1]` has no value", "the item"),
    (
        "E034",
        MAIN + ", ignore: [{field: tags.a, reason: §}]}",
        "`ignore[0].reason` has no value",
        "remove the key",
    ),
    (
        "E035",
        "connections:\n- name: §" + "x" * 33 + "\n  provider_type: GitHub\n",
        "`name` has 33 characters",
        "at most 32 are allowed",
    ),
    ("E035", MAIN + ", protect: §''}", "`protect` has 0 characters", "at least 1 needed"),
    ("E035", MAIN + ", tags: {§'': a}}", "`tags.` has 0 characters", "at least 1 needed"),
    ("E035", MAIN + ", tags: {a: §" + "v" * 257 + "}}", "`tags.a` has 257", "at most 256"),
    ("E036", MAIN + ', tags: {a: §"\\e[31m"}}', "`tags.a` holds the unprintable", "remove"),
    ("E036", MAIN + ', tags: {a: §"x\\u202Ey"}}', "character U+202E", "remove it"),
    ("E037", "region: §Europe!\n", "`region` cannot be `Europe!`", "it has to match [a-z"),
    ("E037", LINK + "§'arn:aws:x'}", "`connection` is `arn:aws:x`, which is not", "match"),
    (
        "E037",
        MAIN + "}\n" + LINK + "main, encryption_key_arn: §alias/x}",
        "`encryption_key_arn` cannot be `alias/x`",
        "it has to match arn:aws",
    ),
    (
        "E038",
        "connections:\n- {name: a, provider_type: §Github}",
        "`provider_type` cannot be the text `Github`",
        "did you mean GitHub?",
    ),
    (
        "E038",
        "connections:\n- {name: a, provider_type: §no}",
        "`provider_type` cannot be a boolean (`no`)",
        "it has to be Bitbucket, GitHub",
    ),
    (
        "E039",
        HOST + ", vpc_configuration: {subnet_ids: §[], " + VPC + "}}",
        "`vpc_configuration.subnet_ids` holds 0 items",
        "at least 1 needed",
    ),
    (
        "E039",
        MAIN + ", tags: §{" + ", ".join(f"k{n}: v" for n in range(198)) + "}}",
        "`tags` holds 198 items",
        "at most 197 are allowed",
    ),
    ("E040", "connections:\n- §name: a\n", "a connection has either a provider", "write one"),
    (
        "E040",
        MAIN + "}\n" + LINK + "main, previously: §[old]}\n",
        "a former name of a repository_link is owner_id/repository_name, not old",
        "write the whole name",
    ),
    (
        "E040",
        "connections:\n- §{name: a, provider_type: GitLabSelfManaged}\n",
        "GitLabSelfManaged is reached through a host",
        "write `host`",
    ),
    (
        "E040",
        "connections:\n- §{name: a, provider_type: GitHubEnterpriseCloudDataResidency}\n",
        "GitHubEnterpriseCloudDataResidency needs a provider_endpoint",
        "add its https",
    ),
    (
        "E040",
        "connections:\n- §{name: a, provider_type: GitHub, provider_endpoint: u}\n",
        "only with",
        "remove",
    ),
    ("E040", MAIN + ", tags: {§aws:a: b}}", "`tags.aws:a`: tags whose key starts like aws", "cho"),
    ("E040", MAIN + ", tags: {§reconciler.owner: b}}", "reconciler.owner", "another key"),
    (
        "E041",
        MAIN + "}\n- §{name: main, provider_type: GitLab}",
        "connection/main is already declared at <stdin>:4:3",
        "declare it once",
    ),
    (
        "E041",
        f"{MAIN}, id: '{ARN}'}}\n- §{{name: b, provider_type: GitLab, id: '{ARN}'}}",
        f"id {ARN} is already declared at <stdin>:4:3",
        "declare it once",
    ),
    (
        "E040",
        "hosts:\n- §{name: h, provider_type: GitHub, provider_endpoint: u}\n",
        "GitHub is not reached through a host",
        "a host is for GitHubEnterpriseServer or",
    ),
    (
        "E041",
        HOST + "}\n- §{name: b, provider_type: GitLabSelfManaged, provider_endpoint: u}\n",
        "a host with the provider_endpoint `u` is already declared at",
        "declare it once",
    ),
    ("E042", LINK + "§none}", "connection `none` is not declared", "declare it under conn"),
    (
        "E042",
        MAIN + "}\n" + LINK + "§mian}",
        "connection `mian` is not declared",
        "did you mean main?",
    ),
    (
        "E046",
        MAIN + ", ignore: [{field: §provider_type, reason: r}]}",
        "`provider_type` is declared for this entry",
        "ignore it or declare it, not both",
    ),
    (
        "E046",
        MAIN + ", tags: {a: b}, ignore: [{field: §tags.a, reason: r}]}",
        "`tags.a` is declared for this entry",
        "not both",
    ),
    (
        "E047",
        MAIN + ", previously: [§old]}\n- {name: old, provider_type: GitHub}",
        "the former name `old` is declared too",
        "remove that entry",
    ),
    ("E037", MAIN + ", id: §x}", "`id` is `x`, which is not the ARN of a connection", "match"),
    (
        "E048",
        MAIN + ", ignore: [{field: §provider, reason: r}]}",
        "a connection has no field `provider`",
        "did you mean provider_type?",
    ),
    (
        "E048",
        MAIN + ", ignore: [{field: §color, reason: r}]}",
        "a connection has no field `color`",
        "fields: host, name, provider_endpoint, provider_type, tags",
    ),
]
ELSEWHERE = {"E043", "E044", "E045", "E049"}
"""Codes that need more than one line of the table: they have tests of their own below."""


@pytest.mark.parametrize(("code", "marked", "said", "hint"), BROKEN)
def test_a_problem_is_told(code: str, marked: str, said: str, hint: str) -> None:
    before = HEAD + marked.partition("§")[0]
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    with pytest.raises(SpecError) as error:
        declared(HEAD + marked.replace("§", ""))
    (problem,) = error.value.problems
    assert str(problem).startswith(f"<stdin>:{place}: {code} ")
    assert said in problem.message
    assert hint in problem.hint
    assert problem.hint


def test_every_code_of_documents_is_in_the_table() -> None:
    """E050 and later are of other files."""
    assert {c for c in CODES if "E030" <= c < "E050"} == {row[0] for row in BROKEN} | ELSEWHERE


def test_what_files_say_about_the_whole_may_be_repeated(tmp_path: Path) -> None:
    text = "account: '111122223333'\ndefaults: {tags: {team: a}}\n"
    write(tmp_path, a=text + MAIN + "}", b=text)
    desired = load([str(tmp_path)])
    assert (desired.owner, desired.account, desired.region) == ("platform", "111122223333", None)


def test_what_files_say_about_the_whole_may_not_be_contradicted(tmp_path: Path) -> None:
    write(tmp_path, a="region: eu-west-1\n", b="region: us-east-1\n")
    (line,) = found(tmp_path)
    assert line.startswith(f"{tmp_path}/b.yaml:3:9: E044 `region` is something else in ")
    assert f"{tmp_path}/a.yaml:3 (say it once" in line


def test_somebody_has_to_own_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    (line,) = found(path)
    assert line.startswith(f"{path}:1:1: E045 nobody owns these files (write `owner: NAME`")
    assert load([str(path)], owner="me").owner == "me"
    assert declared(HEAD, owner="me").owner == "me"


def test_files_and_folders_merge(tmp_path: Path) -> None:
    (tmp_path / "below" / ".hidden").mkdir(parents=True)
    write(tmp_path, b=LINK + "main}", a=MAIN + "}")
    write(tmp_path / "below", c=SYNC + f"  repository: acme/net\n  role_arn: {ROLE}\n")
    write(tmp_path / "below" / ".hidden", d="broken: [")
    desired = load([str(tmp_path)])
    assert list(map(str, desired.resources)) == [
        "connection/main",
        "repository_link/acme/net",
        "sync_configuration/net",
    ]
    source = desired.sources[Address("connection", "main")]
    assert (source.file, source.line, source.column) == (f"{tmp_path}/a.yaml", 4, 3)


def test_one_address_in_two_files_names_both_places(tmp_path: Path) -> None:
    write(tmp_path, a="\n\n" + MAIN + "}", b=MAIN + "}")
    assert found(tmp_path) == [
        f"{tmp_path}/b.yaml:4:3: E041 connection/main is already declared at "
        f"{tmp_path}/a.yaml:6:3 (declare it once)"
    ]


def test_defaults_are_under_an_entrys_own_tags() -> None:
    desired = declared(
        f"{HEAD}defaults: {{tags: {{team: a, cost: b}}}}\n{MAIN}, tags: {{cost: c}}}}\n"
        f"- {{name: plain, provider_type: GitHub}}\n{LINK}main}}\n"
        f"{SYNC}  repository: acme/net\n  role_arn: {ROLE}\n"
    )
    assert {str(a): r.wanted_tags for a, r in desired.resources.items()} == {
        "connection/main": {"team": "a", "cost": "c"},
        "connection/plain": {"team": "a", "cost": "b"},
        "repository_link/acme/net": {"team": "a", "cost": "b"},
        "sync_configuration/net": None,
    }


def test_a_file_can_hold_a_certificate(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    (tmp_path / "ca.pem").write_text(pem, encoding="utf-8")
    more = "subnet_ids: [subnet-01234567], tls_certificate: !file ca.pem"
    write(tmp_path, a=f"{HOST}, vpc_configuration: {{{VPC}, {more}}}}}")
    (host,) = load([str(tmp_path)]).resources.values()
    assert host.to_wire()["VpcConfiguration"]["TlsCertificate"].value == pem
    (tmp_path / "ca.pem").unlink()
    (line,) = found(tmp_path)
    assert "a.yaml:4:" in line
    assert "E001 `!file` `ca.pem`: cannot be read: No such file or directory" in line


def test_every_problem_of_every_file_is_told_in_one_run(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="color: red\nconnections:\n- {name: 1, provider_type: Nope, x: y}\n",
        b="connections: [\n",
        c=LINK + "gone}\nhosts:\n- name: h\n",
    )
    codes = [line.split(": ")[1][:4] for line in found(tmp_path, tmp_path / "none")]
    assert codes == ["E030", "E033", "E038", "E030", "E009", "E042", "E031", "E031", "E001"]


def test_what_is_wrong_beside_other_mistakes_is_told_in_the_same_run(tmp_path: Path) -> None:
    text = (
        "connections:\n- name: main\n  provider_type: GitHub\n  typo: 1\n"
        "  tags: {reconciler.owner: x, quoted: no}\n"
        "  ignore: [{field: nope, reason: r}, {field: tags.x}]\n"
    )
    codes = [line.split(" ")[1] for line in found(write(tmp_path, a=text))]
    assert codes == ["E030", "E040", "E033", "E048", "E031"]


def test_nobody_is_told_of_more_than_a_thousand_problems(tmp_path: Path) -> None:
    """The thousandth is the last that is looked for, in this file and in those after it."""
    unknown = "".join(f"key{number}: 1\n" for number in range(2_000))
    write(tmp_path, a="".join(unknown.partition("key990:")[:1]), b=unknown, c=unknown)
    lines = found(tmp_path)
    assert len(lines) == 1_001
    assert f"{tmp_path}/b.yaml:12:1: E030 unknown key `key9` " in lines[-2]
    assert lines[-1] == (
        f"{tmp_path}/b.yaml:12:1: E049 1000 problems were found, and no more are looked for "
        "(mend these first)"
    )


def test_the_first_wrong_names_get_a_hint() -> None:
    """The same name again is no new one."""
    links = [
        f"- {{owner_id: acme, repository_name: r{n}, connection: mian{name}}}"
        for n, name in enumerate([0, 0, *range(12), 0])
    ]
    with pytest.raises(SpecError) as error:
        declared(HEAD + MAIN + "}\nrepository_links:\n" + "\n".join(links))
    hinted = [problem.hint == "did you mean main?" for problem in error.value.problems]
    assert hinted == [True] * 12 + [False] * 2 + [True]
