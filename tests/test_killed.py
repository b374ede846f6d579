"""A rename that is killed at any call goes on in the next run: real processes, real SIGKILL, and a
proxy that kills exactly before or after a call is carried out."""

from __future__ import annotations

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from reconciler.emulator import Emulator, Settings
from tests.cli.terminal import command, environment
from tests.conftest import REGION

OWN = [{"Key": "reconciler.owner", "Value": "platform"}]
LINKS = ("data", "network", "web")
DESIRED = """
version: 1
owner: platform
connections:
  - {name: new, provider_type: GitHub, previously: [old]}
repository_links:
""" + "".join(
    f"  - {{owner_id: acme, repository_name: {name}, connection: new}}\n" for name in LINKS
)
CALLS = ["CreateConnection", *["UpdateRepositoryLink"] * 3, "DeleteConnection"]
READS = ("Get", "List")


class Proxy(ThreadingHTTPServer):
    """Stands between the program and the emulator, sees every mutating call, and can kill the
    program at one of them."""

    daemon_threads = True

    def __init__(self, emulator: Emulator, client: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = int(emulator.url.rpartition(":")[2])
        self.client = client
        self.kill_at = 0
        self.when = ""
        self.calls: list[str] = []
        self.dangling: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.lists = 0
        self.at_list: tuple[int, Callable[[], object]] = (0, lambda: None)

    def mutating(self, operation: str) -> str:
        """Count a call; say when to kill at this one."""
        self.calls.append(operation)
        return self.when if len(self.calls) == self.kill_at else ""

    def look(self) -> None:
        """Note every link that has no live, approved connection at this moment."""
        ready = {
            c["ConnectionArn"]
            for c in self.client.list_connections(MaxResults=100)["Connections"]
            if c["ConnectionStatus"] == "AVAILABLE"
        }
        for link in self.client.list_repository_links(MaxResults=100)["RepositoryLinks"]:
            if link["ConnectionArn"] not in ready:
                self.dangling.append(link["RepositoryName"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        writes = bool(operation) and not operation.startswith(READS)
        kill = self.server.mutating(operation) if writes else ""
        if operation == "ListConnections":
            self.server.lists += 1
            if self.server.lists == self.server.at_list[0]:
                self.server.at_list[1]()
        if len(self.server.calls) == 1 and writes:
            self.server.meanwhile()
        if kill == "before":
            self.kill()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port)
        upstream.request("POST", self.path, body, dict(self.headers))
        reply = upstream.getresponse()
        answer = reply.read()
        upstream.close()
        if writes:
            self.server.look()
        if kill == "after":
            self.kill()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def kill(self) -> None:
        assert self.server.process is not None
        self.server.process.kill()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def world() -> Iterator[Proxy]:
    """An emulator with an approved connection `old` and three links on it, behind the proxy."""
    with Emulator(Settings(handshake="auto", handshake_seconds=0.0)) as emulator:
        client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
        old = client.create_connection(ConnectionName="old", ProviderType="GitHub", Tags=OWN)
        for name in LINKS:
            client.create_repository_link(
                ConnectionArn=old["ConnectionArn"],
                OwnerId="acme",
                RepositoryName=name,
                Tags=OWN,
            )
        with Proxy(emulator, client) as proxy:
            thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
            thread.start()
            yield proxy
            proxy.shutdown()
            thread.join()


def apply(proxy: Proxy, desired: Path) -> int:
    """The exit code of one apply in a process of its own."""
    url = f"http://127.0.0.1:{proxy.server_port}"
    words = ("apply", "--yes", "--wait=20s", "--endpoint-url", url, desired)
    quiet = subprocess.DEVNULL
    proxy.process = subprocess.Popen(
        command(*words), stdout=quiet, stderr=quiet, env=environment(), text=True
    )
    proxy.process.communicate(timeout=60)
    return proxy.process.returncode


def end_state(proxy: Proxy) -> tuple[list[str], dict[str, str]]:
    """The names of the connections, and of each link's connection."""
    connections = proxy.client.list_connections(MaxResults=100)["Connections"]
    names = {c["ConnectionArn"]: c["ConnectionName"] for c in connections}
    links = proxy.client.list_repository_links(MaxResults=100)["RepositoryLinks"]
    return sorted(names.values()), {
        link["RepositoryName"]: names.get(link["ConnectionArn"], "?") for link in links
    }


DONE = (["new"], dict.fromkeys(LINKS, "new"))


def test_an_undisturbed_rename_never_leaves_a_link_without_a_connection(tmp_path: Path) -> None:
    desired = tmp_path / "desired.yaml"
    desired.write_text(DESIRED, encoding="utf-8")
    with world() as proxy:
        assert apply(proxy, desired) == 0
        assert proxy.calls == CALLS
        assert proxy.dangling == []
        assert end_state(proxy) == DONE
        assert apply(proxy, desired) == 0
        assert proxy.calls == CALLS


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kill_at", range(1, len(CALLS) + 1))
def test_a_killed_rename_goes_on_in_the_next_run(kill_at: int, when: str, tmp_path: Path) -> None:
    desired = tmp_path / "desired.yaml"
    desired.write_text(DESIRED, encoding="utf-8")
    with world() as proxy:
        proxy.kill_at, proxy.when = kill_at, when
        assert apply(proxy, desired) == -9
        assert len(proxy.calls) == kill_at
        assert apply(proxy, desired) == 0
        assert end_state(proxy) == DONE
        assert proxy.dangling == []
        sent_again = (kill_at, when) == (1, "before")
        assert proxy.calls.count("CreateConnection") == (2 if sent_again else 1)
        before = list(proxy.calls)
        assert apply(proxy, desired) == 0
        assert proxy.calls == before
