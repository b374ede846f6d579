"""Fixtures: servers that stop with their test."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from reconciler.emulator import Settings
from tests.emulator.cloud import Cloud, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with the given settings; a real person's handshakes unless told otherwise."""
    with ExitStack() as stack:

        def with_settings(**changes: Any) -> Cloud:
            return Cloud(stack, Settings(**{"handshake": "manual", **changes}))

        yield with_settings


@pytest.fixture
def cloud(start: Start) -> Cloud:
    """A server where a test finishes the handshakes."""
    return start()


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the AWS configuration of whoever runs the tests out of them."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
