"""Every client calls all 27 operations, under each service name it can speak to."""

from pathlib import Path

import pytest

from tests.clients import drivers
from tests.clients.scenario import visit_everything
from tests.emulator.cloud import SERVICES, Cloud


@pytest.mark.parametrize("service", SERVICES)
def test_the_aws_cli_calls_every_operation(service: str, cloud: Cloud, tmp_path: Path) -> None:
    with drivers.aws_cli(service, cloud.url, tmp_path) as driver:
        visit_everything(driver, service, cloud)


@pytest.mark.parametrize("service", SERVICES)
def test_capo_calls_every_operation(service: str, cloud: Cloud) -> None:
    with drivers.capo(service, cloud.url) as driver:
        visit_everything(driver, service, cloud)


def test_the_javascript_sdk_calls_every_operation(cloud: Cloud, javascript_package: Path) -> None:
    with drivers.javascript_sdk(javascript_package, cloud.url) as driver:
        visit_everything(driver, "codestar-connections", cloud)
