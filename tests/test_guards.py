"""What each guard refuses, in which words, and what allows it. The scenarios show which plans come
to this; here the plans are made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.compare import FieldChange
from reconciler.diff import Action, Change
from reconciler.guards import Allow, check
from reconciler.kinds import BY_NAME
from reconciler.plan import Plan, Refusal
from reconciler.resource import Address, Call, Live, Resource, Source, Target

TARGET = Target("111122223333", "eu-west-1")
NOTHING = Plan(
    target=TARGET,
    owner="platform",
    changes=(),
    findings=(),
    gaps=(),
    worklist=(),
    fingerprint="",
    declared=1,
    pinned=(None, None),
    owned=1,
)
MAIN = Address("connection", "main")
NET = Address("repository_link", "acme/net")
SYNC = Address("sync_configuration", "net")
MEMBERS: dict[Address, dict[str, Any]] = {
    MAIN: {"name": "main", "provider_type": "GitHub"},
    NET: {"owner_id": "acme", "repository_name": "net", "connection": "main"},
    SYNC: {
        "resource_name": "net",
        "repository": "acme/net",
        "branch": "main",
        "config_file": "a.yaml",
        "role_arn": "arn:aws:iam::111122223333:role/git-sync",
    },
}
NO = Allow()
UNOWNED = "exists and is not owned by anybody: --adopt, or `adopt: true` in its entry"


def entry(address: Address, **more: Any) -> Resource:
    return BY_NAME[address.kind].model_validate({**MEMBERS[address], **more})


def taken(address: Address, owner: str | None = None, **more: Any) -> Change:
    """What makes a live object of that owner this one's."""
    fields = (FieldChange("owner", owner, "platform"),)
    live = Live(address, "id", {}, owner=owner)
    change = Change(address, Action.ADOPT, "", fields, resource=entry(address), live=live)
    return replace(change, **more)


def gone(address: Address, status: str = "PENDING", **more: Any) -> Change:
    """The delete of a live object, in the way of its kind."""
    calls = (Call(BY_NAME[address.kind].calls.delete, {}),)
    live = Live(address, "id", {}, status=status, owner="platform")
    return replace(Change(address, Action.DELETE, "", calls=calls, live=live), **more)


def replaced(address: Address, status: str = "PENDING", **more: Any) -> Change:
    """A replacement of a live object."""
    return gone(address, status, action=Action.REPLACE, **{"resource": entry(address), **more})


def refusals(*changes: Change, allow: Allow = NO, **members: Any) -> list[Refusal]:
    return list(check(replace(NOTHING, changes=changes, **members), allow).refusals)


def test_another_target_than_the_files_are_for() -> None:
    account = "the files are for account 444455556666, this run is in 111122223333"
    region = "the files are for region eu-west-2, this run is in eu-west-1"
    assert refusals(pinned=("444455556666", "eu-west-2")) == [
        Refusal("wrong_target", account),
        Refusal("wrong_target", region),
    ]
    assert refusals(pinned=(TARGET.account, TARGET.region)) == []


def test_what_nobody_owns_is_adopted_only_when_somebody_says_so() -> None:
    assert refusals(taken(MAIN)) == [Refusal("adoption", UNOWNED, MAIN, "--adopt")]
    assert refusals(taken(MAIN), allow=Allow(adopt=True)) == []
    assert refusals(taken(MAIN, resource=entry(MAIN, adopt=True))) == []


def test_what_takes_no_tags_is_judged_with_what_it_stands_under() -> None:
    parent = taken(NET, resource=entry(NET, adopt=True))
    refused = [Refusal("adoption", UNOWNED, SYNC, "--adopt")]
    assert refusals(parent, taken(SYNC)) == []
    assert refusals(taken(SYNC)) == refused
    moved = (FieldChange("owner", None, "platform"), FieldChange("repository", "x", "y"))
    assert refusals(parent, taken(SYNC, fields=moved)) == refused
    altered = (FieldChange("owner", None, "platform"), FieldChange("branch", "x", "y"))
    assert refusals(parent, taken(SYNC, fields=altered)) == []
    # An object after one that is let through is still judged.
    unowned = [Refusal("adoption", UNOWNED, MAIN, "--adopt")]
    assert refusals(parent, taken(SYNC), taken(MAIN)) == unowned
    # What takes tags has an owner of its own.
    unowned = [Refusal("adoption", UNOWNED, NET, "--adopt")]
    assert refusals(taken(MAIN, resource=entry(MAIN, adopt=True)), taken(NET)) == unowned


def test_what_another_owner_has_is_taken_over_only_from_them() -> None:
    text = "is owned by team b: --take-over 'team b'"
    refused = [Refusal("foreign_owner", text, MAIN, "--take-over 'team b'")]
    assert refusals(taken(MAIN, "team b")) == refused
    assert refusals(taken(MAIN, "team b"), allow=Allow(adopt=True)) == refused
    assert refusals(taken(MAIN, "team b"), allow=Allow(take_over=frozenset({"team c"}))) == refused
    assert refusals(taken(MAIN, "team b"), allow=Allow(take_over=frozenset({"team b"}))) == []


def test_what_another_owner_protects_stays_protected() -> None:
    allow = Allow(adopt=True, take_over=frozenset({"others"}))
    live = Live(MAIN, "id", {}, owner="others", protect="production")
    text = "is protected by its owner (production): keep that up with `protect` in its entry"
    theirs = taken(MAIN, "others", live=live)
    assert refusals(theirs, allow=allow) == [Refusal("protected", text, MAIN)]
    assert refusals(replace(theirs, resource=entry(MAIN, protect="ours")), allow=allow) == []
    assert refusals(taken(MAIN, "others"), allow=allow) == []
    nobodys = replace(live, owner=None)
    assert refusals(taken(MAIN, live=nobodys), allow=allow) == []


@pytest.mark.parametrize(
    ("change", "declared", "todo"),
    [
        (gone(MAIN), False, "put its entry back without `protect`, apply that, and then remove it"),
        (gone(MAIN), True, "take `protect` out of its entry and apply that first"),
        (
            gone(MAIN, successor=Address("connection", "new")),
            False,
            "take `protect` out of its entry and apply that first",
        ),
        (
            replaced(MAIN),
            True,
            "apply its entry as it was, which takes `protect` off, and then change it",
        ),
        (
            replaced(MAIN, resource=entry(MAIN, protect="production")),
            True,
            "take `protect` out of its entry and apply that first",
        ),
    ],
)
def test_what_is_protected_is_not_destroyed(change: Change, declared: bool, todo: str) -> None:
    allow = Allow(destroy=frozenset({"connection/main"}))
    sources = {MAIN: Source("a.yaml", 1, 1)} if declared else {}
    refused = [Refusal("protected", f"is protected (production): {todo}", MAIN)]
    protected = replace(change, protect="production")
    assert refusals(protected, allow=allow, sources=sources) == refused
    assert refusals(change, allow=allow, sources=sources) == []


@pytest.mark.parametrize(
    ("change", "loses"),
    [
        (gone(MAIN, "AVAILABLE"), "deleted and lose the approval a person gave"),
        (replaced(MAIN, "AVAILABLE"), "replaced and lose the approval a person gave"),
        (replaced(MAIN), "replaced and lose its id"),
        (replaced(NET, ""), "replaced and lose its id"),
        (replaced(SYNC, ""), "replaced and be gone until it is created again"),
    ],
)
def test_what_would_be_lost_is_said_and_allowed_by_address(change: Change, loses: str) -> None:
    option = f"--allow-destroy {change.address}"
    text = f"would be {loses}: {option}"
    assert refusals(change) == [Refusal("destroys", text, change.address, option)]
    assert refusals(change, allow=Allow(destroy=frozenset({str(change.address)}))) == []


def test_what_nobody_has_approved_is_deleted_without_more_ado() -> None:
    assert refusals(gone(MAIN)) == []


def test_a_renamed_object_is_allowed_by_previously_and_no_other_with_it() -> None:
    new = Address("connection", "new")
    renamed = gone(Address("connection", "old"), "AVAILABLE", successor=new)
    assert refusals(renamed) == []
    assert [r.address for r in refusals(renamed, gone(MAIN, "AVAILABLE"), owned=5)] == [MAIN]


def test_an_address_with_a_space_is_quoted_in_its_option() -> None:
    (refusal,) = refusals(gone(Address("connection", "a b"), "AVAILABLE"))
    assert refusal.allow == "--allow-destroy 'connection/a b'"


@pytest.mark.parametrize(
    ("owned", "most", "chosen"),
    [
        (1, 1, None),
        (5, 5, None),
        (9, 5, None),
        (10, 2, None),
        (19, 3, None),
        (100, 5, None),
        (100, 0, 0),
        (100, 7, 7),
    ],
)
def test_many_deletes_at_once_are_refused(owned: int, most: int, chosen: int | None) -> None:
    def count(number: int) -> list[Refusal]:
        changes = [gone(Address("connection", f"c{index}")) for index in range(number)]
        return refusals(*changes, owned=owned, allow=Allow(max_destroy=chosen))

    many = most + 1
    text = f"{many} of {owned} owned objects would be destroyed: --max-destroy {many}"
    assert count(most) == []
    assert count(many) == [Refusal("too_many", text, None, f"--max-destroy {many}")]


def test_nothing_declared_while_something_is_owned() -> None:
    text = "nothing is declared while 2 objects are owned: --allow-empty"
    assert refusals(declared=0, owned=2) == [Refusal("empty", text, None, "--allow-empty")]
    assert refusals(declared=0, owned=2, allow=Allow(empty=True)) == []
    assert refusals(declared=0, owned=0) == []
    assert refusals(declared=1, owned=2) == []


def test_what_is_given_up_is_nobodys_business() -> None:
    given_up = (FieldChange("owner", "platform", None),)
    live = Live(MAIN, "id", {}, owner="platform")
    assert refusals(Change(MAIN, Action.TAG, "forgotten", given_up, live=live)) == []
