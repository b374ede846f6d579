"""Check desired-state files: no credentials, no network."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from reconciler.cli.exits import Exit
from reconciler.cli.options import file_options, over_targets, target_paths
from reconciler.cli.output import Outputs


@click.command(
    epilog="""\b
Examples:
  reconciler validate examples/quickstart
  reconciler validate --output json infra/*.yaml
  cat connections.yaml | reconciler validate -
  reconciler validate --targets targets.yaml
"""
)
@target_paths
@file_options
@over_targets
def command(**options: Any) -> int:
    """Check desired-state files offline: no credentials, no network.

    Every problem of every file is reported, each with its place.
    """
    from reconciler.cli.files import standard_input
    from reconciler.errors import SpecError
    from reconciler.spec.document import load
    from reconciler.spec.form import SECTIONS
    from reconciler.spec.problems import problems_document

    paths, owner, variables = options["paths"], options["owner"], options.get("variables")
    writer = Outputs.of(options["outputs"], options["color"], paths)
    try:
        desired = load(paths, owner=owner, stdin=standard_input(), variables=variables)
    except SpecError as error:
        writer.write(problems_document(error.problems))
        return Exit.ERROR
    kinds = {kind.kind: section for section, kind in SECTIONS.items()}
    declared = Counter(kinds[address.kind] for address in desired.resources)
    writer.write(problems_document((), declared))
    return Exit.DONE
