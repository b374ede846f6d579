"""What people write: reads a whole account with boto3 and nothing else.

    python -m tests.benchmarks.plain_boto3 URL [THREADS] [RETRIES] [ATTEMPTS]

Prints how many reads it made, how many of them failed, and their CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


class Reader:
    """Reads with threads; what fails is counted."""

    def __init__(self, url: str, threads: int, retries: Any) -> None:
        config = Config(max_pool_connections=max(10, threads), retries=retries)
        self.client: Any = boto3.client("codeconnections", endpoint_url=url, config=config)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.reads = self.failed = 0

    def pages(self, operation: str, member: str, **parameters: Any) -> list[dict[str, Any]]:
        """The items of every page."""
        items: list[dict[str, Any]] = []
        while True:
            reply = self.call(operation, MaxResults=100, **parameters)
            items += reply.get(member, [])
            if not (token := reply.get("NextToken")):
                return items
            parameters["NextToken"] = token

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One reply; an empty one when the read failed."""
        self.reads += 1
        try:
            reply: dict[str, Any] = getattr(self.client, operation)(**parameters)
        except ClientError:
            self.failed += 1
            return {}
        return reply

    def tags(self, arn: str) -> dict[str, Any]:
        """The tags of one object."""
        return self.call("list_tags_for_resource", ResourceArn=arn)

    def syncs(self, link: str) -> list[dict[str, Any]]:
        """The sync configurations of one link."""
        more = {"SyncType": "CFN_STACK_SYNC", "RepositoryLinkId": link}
        return self.pages("list_sync_configurations", "SyncConfigurations", **more)

    def everything(self) -> None:
        """Read all there is."""
        listed = self.pages("list_hosts", "Hosts"), self.pages("list_connections", "Connections")
        links = self.pages("list_repository_links", "RepositoryLinks")
        arns = [one["HostArn"] for one in listed[0]] + [one["ConnectionArn"] for one in listed[1]]
        arns += [one["RepositoryLinkArn"] for one in links]
        ids = [one["RepositoryLinkId"] for one in links]
        work = map if self.pool is None else self.pool.map
        list(work(self.syncs, ids))
        list(work(self.tags, arns))


def main(url: str, threads: str = "1", mode: str = "", attempts: str = "") -> None:
    """Read, and tell what it took."""
    retries: dict[str, Any] = {"mode": mode} if mode else {}
    if attempts:
        retries["total_max_attempts"] = int(attempts)
    reader = Reader(url, int(threads), retries or None)
    began = time.process_time()
    reader.everything()
    cpu = time.process_time() - began
    print(json.dumps({"reads": reader.reads, "failed": reader.failed, "cpu": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
