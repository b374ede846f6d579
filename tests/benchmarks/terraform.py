"""Terraform's core as an anchor: numbers of resources go in, applied configurations come out.

`terraform_data` is built in: no provider process, no network.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import run

PROGRAM = shutil.which("terraform")
BLOCK = """resource "terraform_data" "r{n}" {{
  input = {{ name = "{name}", provider_type = "GitHub", team = "{team}" }}
}}
"""


@contextmanager
def applied(resources: int) -> Iterator[list[str]]:
    """The command that plans that many resources, with nothing to do. One is applied, and the state
    of the others is written after it: to apply 10,000 takes Terraform more than ten minutes."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory() as folder:
        there = [PROGRAM, f"-chdir={folder}"]
        main, state = Path(folder, "main.tf"), Path(folder, "terraform.tfstate")
        main.write_text(_block(0), encoding="utf-8")
        run([*there, "init", "-input=false"])
        run([*there, "apply", "-auto-approve", "-input=false"])
        written = json.loads(state.read_text(encoding="utf-8"))
        (one,) = written["resources"]
        before, after = json.dumps({**written, "resources": []}).split("[]", 1)
        with state.open("w", encoding="utf-8") as out:  # not whole: see processes.py on memory
            out.write(f"{before}[")
            out.writelines(f"{',' * bool(n)}{json.dumps(_like(one, n))}" for n in range(resources))
            out.write(f"]{after}")
        main.write_text("".join(map(_block, range(resources))), encoding="utf-8")
        yield [*there, "plan", "-input=false", "-detailed-exitcode"]


def _block(n: int) -> str:
    return BLOCK.format(n=n, **_texts(n))


def _texts(n: int) -> dict[str, str]:
    return {"name": f"team-{n:06d}", "team": f"team-{n % 40}"}


def _like(one: dict[str, Any], n: int) -> dict[str, Any]:
    """The state of a resource, after that of another one."""
    other: dict[str, Any] = json.loads(json.dumps(one))
    (instance,) = other["instances"]
    attributes = instance["attributes"]
    for member in ("input", "output"):
        attributes[member]["value"] |= _texts(n)
    attributes["id"] = str(uuid.UUID(int=n))
    return {**other, "name": f"r{n}"}
