"""Clients that others wrote: a service name and an endpoint in, drivers of the scenario out."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from botocore import xform_name

from tests.clients.scenario import Driver, Refused
from tests.emulator.cloud import ACCOUNT, REGION

_HERE = Path(__file__).parent
_CAPO = {
    "codeconnections": "CodeConnectionsClient",
    "codestar-connections": "CodeStarconnectionsClient",
}
_TIMES = frozenset({"CreatedAt", "ResolvedAt", "StartedAt", "Time"})
_CLI_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: (.*)")

Ask: TypeAlias = Callable[[object], Any]
"""A request to another process, as JSON, to its answer."""


@contextmanager
def capo(service: str, url: str) -> Iterator[Driver]:
    """The package capo-codeconnections or capo-codestar-connections."""
    package = importlib.import_module(f"capo_{service.replace('-', '_')}")
    errors = importlib.import_module(f"{package.__name__}.errors")
    client = getattr(package, _CAPO[service])(
        endpoint=url,
        region=REGION,
        retry_max_attempts=1,
        credentials={"access_key": ACCOUNT, "secret_key": "any"},
    )
    with client:
        yield _Capo(client, errors)


@contextmanager
def aws_cli(service: str, url: str, home: Path) -> Iterator[Driver]:
    """The AWS CLI, whose own driver runs the commands one after the other in a process."""
    command = [sys.executable, str(_HERE / "aws_cli_process.py"), service, url]
    with _conversation(command, cli_environment(home)) as ask:
        yield _AwsCli(ask)


@contextmanager
def javascript_sdk(package: Path, url: str) -> Iterator[Driver]:
    """The AWS SDK for JavaScript in Node, out of the folder it was installed in."""
    command = ["node", str(_HERE / "javascript_sdk_process.mjs"), str(package), url, REGION]
    with _conversation(command, {**os.environ, "NODE_NO_WARNINGS": "1"}) as ask:
        yield _JavaScript(ask)


def cli_environment(home: Path) -> dict[str, str]:
    """The environment of this process, without the aliases of whoever runs the tests or a retry."""
    return {**os.environ, "HOME": str(home), "AWS_MAX_ATTEMPTS": "1"}


class _Capo:
    """Its methods and members are in snake_case, and it has iterators over pages."""

    def __init__(self, client: Any, errors: ModuleType) -> None:
        self._client = client
        self._errors = errors

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """One method call."""
        try:
            reply = getattr(self._client, xform_name(operation))(**_snake(parameters))
        except self._errors.ServiceError as error:
            raise Refused(error.code, error.message, type(error).__name__) from error
        return _pascal(reply)

    def pages(self, operation: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Its `iter_` methods yield whole replies."""
        iterate = getattr(self._client, f"iter_{xform_name(operation)}")
        return [_pascal(page) for page in iterate(**_snake(parameters))]


class _AwsCli:
    """It prints JSON, or a sentence about an error; these services have no automatic paging."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """One command: its input as JSON, for `--provider-endpoint` would fetch the URL it is given
        (https://docs.aws.amazon.com/cli/v1/userguide/cli-usage-parameters-file.html)."""
        name = xform_name(operation, "-")
        done = self._ask([name, "--cli-input-json", json.dumps(parameters)])
        if done["code"] == 0:
            return timed(json.loads(done["out"] or "{}"))
        found = _CLI_ERROR.search(done["err"])
        assert found is not None, done
        assert found[2] == operation
        raise Refused(found[1], found[3], found[1])

    def pages(self, operation: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Command after command, each with the token of the one before."""
        replies = [self.call(operation, parameters)]
        while token := replies[-1].get("NextToken"):
            replies.append(self.call(operation, {**parameters, "NextToken": token}))
        return replies


class _JavaScript:
    """It has a command class per operation and a paginator per list."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """One command sent."""
        return timed(self._answered({"operation": operation, "parameters": parameters}))

    def pages(self, operation: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """What its paginator yields."""
        answered = self._answered({"paginate": operation, "parameters": parameters})
        return [timed(page) for page in answered]

    def _answered(self, request: Mapping[str, Any]) -> Any:
        answer = self._ask(request)
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["reply"]


def timed(value: Any) -> Any:
    """A reply whose timestamps, epoch seconds or ISO 8601, have become datetimes."""
    match value:
        case dict():
            return {
                key: _moment(item) if key in _TIMES else timed(item) for key, item in value.items()
            }
        case list():
            return [timed(item) for item in value]
        case _:
            return value


def _moment(value: float | str) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return datetime.fromtimestamp(value, tz=UTC)


def _snake(value: Any) -> Any:
    return _respelled(value, xform_name)


def _pascal(value: Any) -> Any:
    return _respelled(value, lambda name: "".join(part.title() for part in name.split("_")))


def _respelled(value: Any, spell: Callable[[str], str]) -> Any:
    match value:
        case Mapping():
            return {spell(key): _respelled(item, spell) for key, item in value.items()}
        case list():
            return [_respelled(item, spell) for item in value]
        case _:
            return value


@contextmanager
def _conversation(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Ask]:
    """A process that answers each line of JSON on its stdin with one on its stdout."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        encoding="utf-8",
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def ask(request: object) -> Any:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            answer = stdout.readline()
            assert answer, f"{command[1]} ended with {process.wait()}; see its stderr"
            return json.loads(answer)

        try:
            yield ask
            stdin.close()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
