"""Print the least IAM policy that a command needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.arguments import AddressType, Places, S3Uri, SyncedType, Texts, Where
from reconciler.cli.options import TAGS_FROM, option, owner

WITH_FILES = ("validate", "plan", "apply", "destroy", "drift", "accept", "graph")
WITHOUT = ("status", "unblock", "import", "forget", "wait")
"""The commands whose policies say the same whatever files there are."""
COMMANDS = (*WITH_FILES, *WITHOUT)
"""The commands there are policies for."""
OBJECTS = ("status", "accept", "forget", "wait", "unblock")
"""The commands that are given objects, whose policies say the same whatever objects these are."""


@click.command(
    epilog="""\b
Examples:
  reconciler iam-policy plan infra/
  reconciler iam-policy apply --prune infra/ > role.json
  reconciler iam-policy status
  reconciler iam-policy drift --notify arn:aws:sns:... infra/
  reconciler iam-policy apply --targets targets.yaml --target prod
"""
)
@click.argument("for_command", type=click.Choice(COMMANDS), metavar="COMMAND")
@click.argument("words", nargs=-1, metavar="[ADDRESS|STACK|PATH]...", type=Places())
@option("--account", metavar="ID", help="The account, where the files do not say; * unless given.")
@option("--region", metavar="REGION", help="The Region, likewise.")
@option(
    "--targets",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="For the files, account and Region of a target that this file lists.",
)
@option(
    "--target",
    "selectors",
    type=Texts(),
    multiple=True,
    metavar="SELECTOR",
    help="Which one, by its name or another selector.",
)
@option("--prune", is_flag=True, help="For apply --prune: every kind may be deleted.")
@option("--lock", type=S3Uri(), metavar="s3://BUCKET/KEY", help="For a run with this --lock.")
@option("--preflight", is_flag=True, help="For a run with --preflight.")
@option(
    "--notify",
    type=Where(),
    multiple=True,
    metavar="WHERE",
    help="For drift with this --notify: an SNS topic or EventBridge bus needs leave. May be "
    "repeated.",
)
@option("--tags-from", type=TAGS_FROM, help="For a run with this --tags-from.")
@owner
def command(**options: Any) -> None:
    """Print the least IAM policy that COMMAND needs for these files, if it takes some. Offline.

    An ADDRESS or STACK that COMMAND takes may stand there too, and changes nothing. The policy has
    both prefixes of the service: that of an ARN tells when it was made.
    """
    import json

    from reconciler.cli.files import desired_of
    from reconciler.cli.output import Outputs, echo_data
    from reconciler.permissions import Besides, policy
    from reconciler.resource import Desired, Target

    paths = [word for word in options["words"] if not _is_object(word, options["for_command"])]
    if options["targets"]:
        paths, options = _of_target(paths, options)
    if paths:
        outputs = Outputs.of((), "auto")
        desired = desired_of(paths, options["owner"], outputs, options.get("variables"))
    elif options["for_command"] in WITH_FILES:
        raise click.UsageError(f"a policy for {options['for_command']} needs a PATH")
    else:
        desired = Desired(options["owner"] or "", {}, {})
    account = options["account"] or desired.account or "*"
    target = Target(account, options["region"] or desired.region or "*")
    besides = Besides(
        lock=options["lock"] or "",
        preflight=options["preflight"],
        tags_together=options["tags_from"] == "tagging-api",
        told=tuple((one.action, one.where) for one in options["notify"] if one.action),
    )
    made = policy(options["for_command"], desired, target, besides, prune=options["prune"])
    echo_data(json.dumps(made, indent=2) + "\n")


def _of_target(paths: list[str], options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The files and options for the one target that is chosen; what is given otherwise holds."""
    from reconciler.cli.fleets import targets_of
    from reconciler.cli.output import Outputs

    if paths:
        raise click.UsageError("PATH does not go with --targets")
    found = targets_of(options, Outputs.of((), "auto"))
    if len(found) > 1:
        names = ", ".join([one.name for one in found[:3]] + ["..."] * (len(found) > 3))
        raise click.UsageError(f"a policy is for one target: choose with --target from {names}")
    (target,) = found
    own = {
        "owner": options["owner"] or target.owner,
        "account": options["account"] or target.account,
        "region": options["region"] or target.region,
        "variables": dict(target.variables),
    }
    files = list(target.paths) if options["for_command"] in WITH_FILES else []
    return files, {**options, **own}


def _is_object(word: str, command: str) -> bool:
    """Whether a word is what this command calls an object, and no file or folder."""
    if command not in OBJECTS or word == "-" or Path(word).exists():
        return False
    kind = SyncedType() if command == "unblock" else AddressType()
    try:
        kind.convert(word, None, None)
    except click.BadParameter:
        return False
    return True
