"""The AWS CLI as one process: a command line per line of stdin in, its exit code and output out.

Starting `aws` costs a second, running a command costs hundredths of one. What runs here is what
`aws` runs: the driver of the package awscli, with the arguments that `aws` would get.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]


def main(service: str, url: str) -> None:
    """Answers until stdin ends; a request is a list of arguments."""
    driver = create_clidriver()
    for line in sys.stdin:
        out, err = io.StringIO(), io.StringIO()
        command = [service, *json.loads(line), "--endpoint-url", url, "--output", "json"]
        with redirect_stdout(out), redirect_stderr(err):
            code = driver.main(command)
        answer = {"code": code, "out": out.getvalue(), "err": err.getvalue()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
