"""What sessions share, and what each keeps for itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.aws.session import Role, Session, Settings
from reconciler.emulator import Emulator
from reconciler.emulator.faults import Fault
from reconciler.errors import TargetError
from tests.cli.servers import Answer, answering

SETTINGS = Settings(region="eu-west-1", endpoint_url="http://127.0.0.1:9", access_key=("1", "x"))
ROLE = Role("arn:aws:iam::222233334444:role/reconciler", "reconciler")
ASSUMED = "<Arn>arn:aws:sts::222233334444:assumed-role/reconciler/reconciler</Arn>"
KEY = "<AccessKeyId>ASIAAAAAAAAAAAAAAAAA</AccessKeyId>"
SECRET = "<SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken>"


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


@pytest.mark.parametrize("credentials", ["", KEY, KEY + SECRET])
def test_a_role_without_whole_credentials_is_told(credentials: str) -> None:
    content = f"<AssumedRoleUser>{ASSUMED}</AssumedRoleUser>"
    content += f"<Credentials>{credentials}</Credentials>" if credentials else ""
    reply = f"<AssumeRoleResponse><AssumeRoleResult>{content}</AssumeRoleResult>"
    answer = Answer(200, reply + "</AssumeRoleResponse>")
    with answering(lambda _: answer) as server:
        session = Session(replace(SETTINGS, endpoint_url=server.url, role=ROLE))
        with pytest.raises(TargetError, match="does not answer like AWS"):
            session.account()


def test_credentials_that_are_refused_are_looked_up_anew(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker of a cluster lives longer than the credentials that it finds in a file."""
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    settings = Settings(region="eu-west-1", endpoint_url=emulator.url, role=ROLE)

    def assumes(key: str) -> str:
        """Who assumes the role while this key is in the file."""
        file.write_text(
            f"[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n", encoding="utf-8"
        )
        assert Session(settings).account() == "222233334444"
        return emulator.control.requests()[-1].account

    assert assumes("111111111111") == "111111111111"
    emulator.control.fault(Fault(kind="ExpiredTokenException", operation="AssumeRole", count=1))
    with pytest.raises(TargetError, match="ExpiredToken"):
        assumes("333333333333")
    assert assumes("333333333333") == "333333333333"
