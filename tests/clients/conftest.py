"""Fixtures: an emulator whose time and handshakes are the test's, and the SDK for JavaScript."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.emulator import Settings
from tests.clients import npm
from tests.emulator.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A server where the test finishes the handshakes and moves the clock."""
    with ExitStack() as stack:
        yield Cloud(stack, Settings(handshake="manual"))


@pytest.fixture(scope="session")
def javascript_package() -> Path:
    """The folder with the AWS SDK for JavaScript; npm has no package of the newer service name."""
    return npm.installed("@aws-sdk/client-codestar-connections", "3.1017.0")
