"""Reads every bomb in a process of its own, which may use so much time and memory and no more; one
line of JSON for each comes out.

    python -m tests.spec.measure_bombs [NAME ...]
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from typing import Any

from reconciler.errors import SpecError
from reconciler.spec.document import load
from reconciler.spec.problems import Problem
from tests.spec.bombs import VARIABLES, bombs

CPU_SECONDS = 10
"""After so much the kernel ends a process."""
ADDRESS_SPACE = 1 << 30


def read(data: bytes) -> dict[str, Any]:
    """What is said about a file, and what it cost to find out."""
    begun = time.process_time()
    problems: tuple[Problem, ...] = ()
    try:
        load(["-"], stdin=io.BytesIO(data), variables=VARIABLES)
    except SpecError as error:
        problems = error.problems
    lines = list(map(str, problems))
    seconds = time.process_time() - begun
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": round(seconds, 4),
        "megabytes": kilobytes // 1024,
        "codes": sorted({problem.code for problem in problems}),
        "first": lines[0] if lines else "",
        "longest": max(map(len, lines), default=0),
        "printable": all(line.isprintable() for line in lines),
    }


def apart(data: bytes) -> dict[str, Any]:
    """The same, found out by a process that may die of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        with os.fdopen(writer, "w") as pipe:
            json.dump(read(data), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(said) if said else {"died": status}


def main() -> None:
    """Measure and print."""
    for name, code, data in bombs():
        if not sys.argv[1:] or name in sys.argv[1:]:
            print(json.dumps({"name": name, "code": code, "bytes": len(data), **apart(data)}))


if __name__ == "__main__":
    main()
