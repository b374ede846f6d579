"""Reads a whole account as the program does, and nothing else.

    python -m tests.benchmarks.our_reads URL

Prints how many objects it saw, how many reads failed, and the CPU seconds of reading.
"""

from __future__ import annotations

import json
import sys
import time

from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.observe import observe
from reconciler.resource import Target
from tests.benchmarks.world import ACCOUNT, REGION


def main(url: str) -> None:
    """Read, and tell what it took."""
    api = AwsApi(Session(Settings(region=REGION, endpoint_url=url)))
    began = time.process_time()
    seen = observe(api, Target(ACCOUNT, REGION))
    cpu = time.process_time() - began
    print(json.dumps({"objects": len(seen.lives), "failed": len(seen.gaps), "cpu": cpu}))
    api.close()


if __name__ == "__main__":
    main(sys.argv[1])
