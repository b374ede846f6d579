"""Terraform's core as an anchor: numbers of resources go in, applied configurations come out.

`terraform_data` is built in: no provider process, no network.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import run

PROGRAM = shutil.which("terraform")
BLOCK = """resource "terraform_data" "r{n}" {{
  input = {{ name = "team-{n:06d}", provider_type = "GitHub", team = "team-{rest}" }}
}}
"""


@contextmanager
def applied(resources: int) -> Iterator[list[str]]:
    """The command that plans that many resources, with nothing to do."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory() as folder:
        blocks = (BLOCK.format(n=n, rest=n % 40) for n in range(resources))
        Path(folder, "main.tf").write_text("".join(blocks), encoding="utf-8")
        there = [PROGRAM, f"-chdir={folder}"]
        run([*there, "init", "-input=false"])
        run([*there, "apply", "-auto-approve", "-input=false"])
        yield [*there, "plan", "-input=false", "-detailed-exitcode"]
