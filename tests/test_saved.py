"""A saved plan: what it takes to be relied on, and what it says of a plan that is made later."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.emulator import Emulator
from reconciler.emulator import Settings as EmulatorSettings
from reconciler.errors import StaleError
from reconciler.report import plan_document
from reconciler.saved import moved, sealed, unsealed
from tests.test_apply import api_of, applied, desired_of, planned

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
BEFORE = """
version: 1
owner: platform
connections:
  - {name: main, provider_type: GitHub, tags: {team: a}}
repository_links:
  - {owner_id: acme, repository_name: network, connection: main}
"""
AFTER = (
    BEFORE.replace("team: a", "team: b")
    + """
sync_configurations:
  - resource_name: network-prod
    repository: acme/network
    branch: main
    config_file: a.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
"""
)


@pytest.fixture
def quick() -> Iterator[Emulator]:
    with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as running:
        yield running


@pytest.fixture
def document(quick: Emulator) -> Any:
    """A plan with an update and a create."""
    applied(desired_of(BEFORE), api_of(quick))
    return plan_document(planned(desired_of(AFTER), api_of(quick)))


@pytest.fixture
def text(document: Any) -> str:
    return json.dumps(sealed(document, created=NOW, prune=False))


def test_what_was_saved_is_read_again(document: Any, text: str) -> None:
    saved = unsealed(text, now=NOW, max_age=0)
    assert {key: saved[key] for key in document} == document  # type: ignore[literal-required]
    assert moved(saved, document, prune=False) == []


def test_any_byte_that_flips_is_told_or_means_nothing(text: str) -> None:
    """Of each byte one bit after the other, so that all bits of some bytes are tried."""
    data, accepted = text.encode(), 0
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        try:
            read = unsealed(flipped.decode("utf-8", "surrogateescape"), now=NOW)
        except StaleError:
            continue
        accepted += 1
        assert read == unsealed(text, now=NOW)
    print(f"{accepted} of {len(data)} flipped bytes change nothing")
    assert accepted < len(data) / 100


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d["changes"].pop(),
        lambda d: d["changes"][0]["calls"].append({"operation": "DeleteHost", "parameters": {}}),
        lambda d: d.update(created="2030-01-01T00:00:00+00:00"),
        lambda d: d.update(prune=True),
        lambda d: d.update(kind="report"),
        lambda d: d.pop("digest"),
        lambda d: d.update(digest=None),
        lambda d: d.update(format_version="1.1"),
        lambda d: d.update(format_version=1.0),
        lambda d: d.update(changes=None),
    ],
)
def test_what_was_edited_is_refused(text: str, edit: Callable[[Any], object]) -> None:
    document = json.loads(text)
    edit(document)
    with pytest.raises(StaleError):
        unsealed(json.dumps(document), now=NOW)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "1", "[" * 100_000, '"a"', "{", "\0"])
def test_what_is_no_plan_is_refused(content: str) -> None:
    with pytest.raises(StaleError, match="it is no saved plan"):
        unsealed(content, now=NOW)


@pytest.mark.parametrize(("age", "fits"), [(0, True), (60, True), (61, False), (-1, False)])
def test_its_age_is_limited_where_somebody_wants_that(text: str, age: int, fits: bool) -> None:
    now = NOW + timedelta(seconds=age)
    assert unsealed(text, now=now)
    if fits:
        assert unsealed(text, now=now, max_age=60)
    else:
        with pytest.raises(StaleError, match="and may be 60 s old"):
            unsealed(text, now=now, max_age=60)


def later(document: Any, change: Callable[[Any], object]) -> list[str]:
    """What is said when the plan of now is this one but for a change."""
    now = copy.deepcopy(document)
    change(now)
    now["fingerprint"] = "another"
    return moved(sealed(document, created=NOW, prune=False), now, prune=False)


def test_less_to_do_is_no_surprise(document: Any) -> None:
    sync, link = (c["address"] for c in reversed(document["changes"]))
    assert (sync, link) == ("sync_configuration/network-prod", "connection/main")
    assert later(document, lambda now: now["changes"].pop()) == []
    assert later(document, lambda now: now["changes"].clear()) == []
    assert later(document, lambda now: now["changes"][0]["fields"].clear()) == []
    assert later(document, lambda now: now["changes"][0]["calls"].clear()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["target"].update(account="9"), "account was 111122223333, and is 9"),
        (lambda d: d["target"].update(region="x"), "region was eu-west-1, and is x"),
        (lambda d: d["target"].update(endpoint="x"), "endpoint was , and is x"),
        (lambda d: d.update(owner="x"), "owner was platform, and is x"),
        (
            lambda d: d["changes"].append({**d["changes"][0], "address": "host/x"}),
            "host/x: tag was not planned",
        ),
        (
            lambda d: d["changes"][0]["fields"][0].update(before="c"),
            "connection/main: tags.team was a, and is c",
        ),
        (
            lambda d: d["changes"][0]["fields"][0].update(after="c"),
            "connection/main: tags.team, as wanted, was b, and is c",
        ),
        (
            lambda d: d["changes"][0]["fields"][0].update(path="tags.x"),
            "connection/main: tags.x was not planned to change",
        ),
        (
            lambda d: d["changes"][0]["calls"].append({"operation": "X", "parameters": {}}),
            "connection/main: its API calls are others",
        ),
        (
            lambda d: d["changes"][1]["calls"][0]["parameters"].update(Branch="x"),
            "sync_configuration/network-prod: its API calls are others",
        ),
        (lambda d: d["changes"][0].update(id="x"), "connection/main: its id was arn:"),
    ],
)
def test_what_is_more_or_other_is_named(
    document: Any, change: Callable[[Any], object], said: str
) -> None:
    (told,) = later(document, change)
    assert told.startswith(said)


def test_another_prune_is_another_plan(document: Any) -> None:
    saved = sealed(document, created=NOW, prune=False)
    assert moved(saved, document, prune=True) == ["it was made without --prune"]


def test_what_a_plan_makes_known_is_what_was_planned(quick: Emulator) -> None:
    """The first run creates the connection; the second finds its ARN in the place of words."""
    saved = sealed(
        plan_document(planned(desired_of(AFTER), api_of(quick))), created=NOW, prune=False
    )
    applied(desired_of(BEFORE.replace("team: a", "team: b")), api_of(quick))
    now = plan_document(planned(desired_of(AFTER), api_of(quick)))
    assert [change["address"] for change in now["changes"]] == ["sync_configuration/network-prod"]
    assert moved(saved, now, prune=False) == []


def test_another_certificate_is_another_plan(quick: Emulator) -> None:
    host = """
version: 1
owner: o
hosts:
  - name: h
    provider_type: GitHubEnterpriseServer
    provider_endpoint: https://git.example.com
    vpc_configuration:
      vpc_id: vpc-01234567
      subnet_ids: [subnet-01234567]
      security_group_ids: [sg-01234567]
      tls_certificate: one
"""
    saved = sealed(
        plan_document(planned(desired_of(host), api_of(quick))), created=NOW, prune=False
    )
    now = plan_document(planned(desired_of(host.replace(": one", ": two")), api_of(quick)))
    assert [text[:10] for text in moved(saved, now, prune=False)] == ["host/h: vp", "host/h: it"]
    assert "one" not in json.dumps(saved).replace("None", "")
