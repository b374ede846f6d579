"""What sessions share, and what each keeps for itself."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.aws.session import Session, Settings

SETTINGS = Settings(region="eu-west-1", endpoint_url="http://127.0.0.1:9", access_key=("1", "x"))


def client(session: Session) -> Any:
    return session.client("sts", attempts=1, seconds=1)


def test_what_is_registered_with_one_client_is_heard_by_no_other() -> None:
    session, heard = Session(SETTINGS), []
    first, same, other = client(session), client(session), client(Session(SETTINGS))
    first.meta.events.register("before-send", lambda **_: heard.append("first"))
    for one in (same, other, client(Session(SETTINGS))):
        one.meta.events.emit("before-send.sts", request=None)
    assert heard == []
    first.meta.events.emit("before-send.sts", request=None)
    assert heard == ["first"]


def test_a_session_does_not_register_the_handlers_of_botocore_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Session(SETTINGS)
    registered: list[object] = []

    def looked_at(handler: object) -> bool:
        registered.append(handler)
        return True

    monkeypatch.setattr("botocore.hooks.accepts_kwargs", looked_at)
    client(Session(SETTINGS))
    assert 0 < len(registered) < 20, "botocore's own are more than a hundred"
