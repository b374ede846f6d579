"""The mistakes that pull requests have most often, each annotated on its line, which says HERE."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from reconciler.emulator import Emulator
from tests.conftest import REGION, Cli
from tests.render.test_formats import commands

HEAD = "version: 1\nowner: platform\n"
SYNC = "  - {resource_name: s, repository: acme/r, branch: main, config_file: a.yaml,\n     "
LINK = "repository_links:\n  - {owner_id: acme, repository_name: r, connection: a}\n"
MISTAKES = {
    "an unknown key": "connections:\n  - name: a\n    tgas: {}  # HERE\n"
    "    provider_type: GitHub\n",
    "a missing key": "connections:\n  - {name: a}  # HERE\n",
    "a provider there is not": "connections:\n  - name: a\n    provider_type: github  # HERE\n",
    "a dangling reference": "connections:\n  - name: a\n    host: ghes  # HERE\n",
    "a bad ARN": f"{LINK}connections:\n  - {{name: a, provider_type: GitHub}}\n"
    f"sync_configurations:\n{SYNC}role_arn: arn:aws:iam::1:role/x}}  # HERE\n",
    "declared twice": "connections:\n  - {name: a, provider_type: GitHub}\n"
    "  - {name: a, provider_type: GitLab}  # HERE\n",
    "a key written twice": "connections:\n  - name: a\n    provider_type: GitHub\n"
    "    name: b  # HERE\n",
    "a word that YAML takes for no text": "connections:\n  - provider_type: GitHub\n"
    "    name: no  # HERE\n",
    "a tab": "connections:\n  - name: a\n\tprovider_type: GitHub  # HERE\n",
    "a name that is too long": "connections:\n  - provider_type: GitHub\n"
    f"    name: {'a' * 33}  # HERE\n",
    "a list where one value belongs": "connections:\n  - provider_type: GitHub\n"
    "    name: [a]  # HERE\n",
    "a reserved tag": "connections:\n  - name: a\n    provider_type: GitHub\n"
    "    tags: {'aws:x': y}  # HERE\n",
    "a file that is not there": "hosts:\n  - name: h\n    provider_type: GitHubEnterpriseServer\n"
    "    provider_endpoint: https://x.example.com\n    vpc_configuration:\n"
    "      tls_certificate: !file ca.pem  # HERE\n",
}


def annotated(cli: Cli, *words: str, text: str) -> list[tuple[str, int]]:
    """The errors that are annotated, and the line that says HERE."""
    Path("infra.yaml").write_text(HEAD + text, encoding="utf-8")
    found = commands(cli(*words, "infra.yaml", "--output", "github").out)
    assert {told.get("file") for kind, told, _ in found if kind == "error"} == {"infra.yaml"}
    return [(told["title"], int(told["line"])) for kind, told, _ in found if kind == "error"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_annotated_on_its_line(mistake: str, cli: Cli) -> None:
    text = MISTAKES[mistake]
    (here,) = (n for n, line in enumerate((HEAD + text).split("\n"), 1) if "HERE" in line)
    lines = [line for _, line in annotated(cli, "validate", text=text)]
    assert lines[0] == here, lines


def test_what_a_plan_refuses_is_annotated_at_its_entry(emulator: Emulator, cli: Cli) -> None:
    client = boto3.client("codeconnections", endpoint_url=emulator.url, region_name=REGION)
    client.create_connection(ConnectionName="a", ProviderType="GitHub")
    for name in ("b", "c"):
        own = [{"Key": "reconciler.owner", "Value": "platform"}]
        if name == "c":
            own.append({"Key": "reconciler.protect", "Value": "pipelines use it"})
        client.create_connection(ConnectionName=name, ProviderType="GitHub", Tags=own)
    text = (
        "connections:\n"
        "  - {name: a, provider_type: GitHub}  # not owned by anybody\n"
        "  - {name: b, provider_type: GitHub}\n"
        "  - {name: c, provider_type: GitLab}  # protected, and replaced\n"
    )
    words = ("plan", "--endpoint-url", emulator.url)
    assert annotated(cli, *words, text=text) == [
        ("reconciler adoption", 4),
        ("reconciler protected", 6),
        ("reconciler destroys", 6),
    ]
