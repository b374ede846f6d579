"""`reconciler iam-policy`: prints the least IAM policy for a command and files."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.arguments import S3Uri, Where
from reconciler.cli.options import option, optional_paths, owner

WITH_FILES = ("validate", "plan", "apply", "destroy", "drift", "accept")
WITHOUT = ("status", "unblock", "import", "forget", "wait")
"""The commands whose policies say the same whatever files there are."""
COMMANDS = (*WITH_FILES, *WITHOUT)
"""The commands there are policies for."""


@click.command(
    epilog="""\b
Examples:
  reconciler iam-policy plan infra/
  reconciler iam-policy apply --prune infra/ > role.json
  reconciler iam-policy status
  reconciler iam-policy drift --notify arn:aws:sns:... infra/
"""
)
@click.argument("for_command", type=click.Choice(COMMANDS), metavar="COMMAND")
@optional_paths
@option("--account", metavar="ID", help="The account, where the files do not say; * unless given.")
@option("--region", metavar="REGION", help="The Region, likewise.")
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
@owner
def command(**options: Any) -> None:
    """Print the least IAM policy that COMMAND needs for these files, if it takes some. Offline.

    It has both prefixes of the service: that of an ARN tells when it was made.
    """
    import json

    from reconciler.cli.files import desired_of
    from reconciler.cli.output import Outputs
    from reconciler.permissions import policy
    from reconciler.resource import Desired, Target

    if options["paths"]:
        desired = desired_of(options["paths"], options["owner"], Outputs.of((), "auto"))
    elif options["for_command"] in WITH_FILES:
        raise click.UsageError(f"a policy for {options['for_command']} needs a PATH")
    else:
        desired = Desired(options["owner"] or "", {}, {})
    account = options["account"] or desired.account or "*"
    target = Target(account, options["region"] or desired.region or "*")
    made = policy(
        options["for_command"],
        desired,
        target,
        prune=options["prune"],
        lock=options["lock"] or "",
        preflight=options["preflight"],
        told=[(one.action, one.where) for one in options["notify"] if one.action],
    )
    click.echo(json.dumps(made, indent=2))
