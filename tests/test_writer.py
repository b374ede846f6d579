"""The calls of one change: how often each is sent, how long is waited between looks, and what is
said of a call whose end is unclear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler.diff import forget
from reconciler.emulator import Emulator
from reconciler.errors import ApiError, NotFoundError, ReconcilerError, UnclearReplyError
from reconciler.guards import Allow
from reconciler.journal import Journal, lines
from reconciler.resource import OWNER_TAG, Call, ReadResult
from reconciler.writer import READ_BACK_DELAYS, REPEAT_DELAYS, Clock, Means
from tests.test_apply import (
    AT_ONCE,
    DESIRED,
    HOST,
    Between,
    api_of,
    applied,
    desired_of,
    quick,
)

__all__ = ["quick"]

BEFORE = HOST % "a.example.com"
AFTER = HOST % "b.example.com"
EMPTY = "version: 1\nowner: platform\nconnections: [{name: kept, provider_type: GitHub}]\n"
LOST = "no clear answer: timeout"


@dataclass
class Service:
    """A service in which operations answer what the test says, and a clock that only notes."""

    emulator: Emulator
    slept: list[float] = field(default_factory=list)
    stops: Callable[[], str] = str
    journal: Journal = field(default_factory=Journal)

    def spoilt(self, **answers: list[Any]) -> Between:
        """Answers are given one after the other; None lets the call through, as does their end."""
        left = {operation: iter(results) for operation, results in answers.items()}

        def spoil(call: Call) -> ReadResult | None:
            answer = next(left.get(call.operation, iter(())), None)
            return answer(call) if callable(answer) else answer

        return Between(api_of(self.emulator), spoil)

    def ends(self, text: str, **answers: list[Any]) -> tuple[str, str]:
        """How the change of the host ended, and the words for that."""
        means = Means(Clock(sleep=self.slept.append, stopping=self.stops), self.journal)
        api = self.spoilt(**answers)
        report = applied(desired_of(text), api, wait=0.0, means=means, prune=True)
        (outcome,) = (o for o in report["outcomes"] if o["address"] == "host/ghes")
        return outcome["status"], outcome["message"]

    def sent(self, operation: str) -> int:
        seen = self.emulator.control.requests(mutating_only=True)
        return sum(request.operation == operation for request in seen)

    def done_but(self, answer: ReconcilerError) -> Callable[[Call], Any]:
        """Carries the call out and then answers this."""

        def spoil(call: Call) -> Any:
            api_of(self.emulator).write(call)
            return answer

        return spoil


@pytest.fixture
def service(emulator: Emulator) -> Service:
    return Service(emulator)


@pytest.fixture
def there(service: Service) -> Service:
    """The service once the host is there."""
    assert service.ends(BEFORE) == ("applied", "")
    service.slept.clear()
    return service


def unclear(operation: str) -> UnclearReplyError:
    return UnclearReplyError(operation, "timeout")


def test_a_create_without_an_answer_is_looked_for_as_long_as_it_may_take(service: Service) -> None:
    assert service.ends(BEFORE, CreateHost=[unclear("CreateHost")]) == (
        "unknown",
        f"CreateHost: {LOST}; what it may have made does not show up: apply again later",
    )
    assert service.slept == list(READ_BACK_DELAYS)
    assert service.sent("CreateHost") == 0


def test_a_look_that_failed_is_not_the_last_one(service: Service) -> None:
    answer = service.done_but(unclear("CreateHost"))
    # The first list is the plan's.
    looks: list[Any] = [None, ApiError("ListHosts", "ThrottlingException", ""), {"Hosts": []}]
    assert service.ends(BEFORE, CreateHost=[answer], ListHosts=looks) == ("applied", "")
    assert service.slept == [*READ_BACK_DELAYS[:3], READ_BACK_DELAYS[0]]
    assert service.sent("CreateHost") == 1


def test_another_runs_object_is_not_taken_for_the_one_that_was_made(service: Service) -> None:
    def by_another_run(call: Call) -> Any:
        tags = [t for t in call.parameters["Tags"] if t["Value"] != "run-1"]
        other = [*tags, {"Key": "reconciler.run", "Value": "run-0"}]
        api_of(service.emulator).write(Call("CreateHost", {**call.parameters, "Tags": other}))
        return unclear("CreateHost")

    status, _ = service.ends(BEFORE, CreateHost=[by_another_run])
    assert status == "unknown"


@pytest.mark.parametrize("count", [1, len(REPEAT_DELAYS)])
def test_what_sets_values_is_repeated_with_pauses(there: Service, count: int) -> None:
    lost = [unclear("UpdateHost")] * count
    assert there.ends(AFTER, UpdateHost=lost) == ("applied", "")
    assert there.slept == [*REPEAT_DELAYS[:count], READ_BACK_DELAYS[0]]
    assert there.sent("UpdateHost") == 1


def test_what_stays_unclear_is_unknown_in_the_end(there: Service) -> None:
    lost = [unclear("UpdateHost")] * (len(REPEAT_DELAYS) + 1)
    assert there.ends(AFTER, UpdateHost=lost) == ("unknown", f"UpdateHost: {LOST}")
    assert there.slept == list(REPEAT_DELAYS)
    assert there.sent("UpdateHost") == 0


def test_a_no_to_the_repetition_leaves_the_first_unknown(there: Service) -> None:
    no = ApiError("UpdateHost", "ValidationException", "no")
    assert there.ends(AFTER, UpdateHost=[unclear("UpdateHost"), no]) == (
        "unknown",
        f"UpdateHost: {LOST}; then UpdateHost: ValidationException: no",
    )


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (unclear("UpdateHost"), ("unknown", f"UpdateHost: {LOST}")),
        (
            ApiError("UpdateHost", "ConcurrentModificationException", ""),
            ("failed", "UpdateHost: ConcurrentModificationException"),
        ),
    ],
    ids=["unclear", "in the way"],
)
def test_nothing_is_repeated_once_the_end_is_asked_for(
    there: Service, answer: ReconcilerError, ending: tuple[str, str]
) -> None:
    asked: list[bool] = []

    def ask(call: Call) -> ReconcilerError:
        asked.append(True)
        return answer

    there.stops = lambda: "interrupted" * bool(asked)
    assert there.ends(AFTER, UpdateHost=[ask]) == ending
    assert there.slept == []


def test_what_is_gone_is_not_written_to_again(there: Service) -> None:
    def deleted_meanwhile(call: Call) -> ReconcilerError:
        arn = call.parameters["HostArn"]
        api_of(there.emulator).write(Call("DeleteHost", {"HostArn": arn}))
        return unclear("UpdateHost")

    assert there.ends(AFTER, UpdateHost=[deleted_meanwhile]) == (
        "unknown",
        f"UpdateHost: {LOST}; then the object is not there any more: plan again",
    )


@pytest.mark.parametrize("owner", ["others", "nobody"])
def test_what_became_somebodys_is_not_written_to_again(there: Service, owner: str) -> None:
    def theirs_meanwhile(call: Call) -> ReconcilerError:
        arn = call.parameters["HostArn"]
        tag = Call(
            "TagResource", {"ResourceArn": arn, "Tags": [{"Key": OWNER_TAG, "Value": owner}]}
        )
        if owner == "nobody":
            tag = Call("UntagResource", {"ResourceArn": arn, "TagKeys": [OWNER_TAG]})
        api_of(there.emulator).write(tag)
        return unclear("UpdateHost")

    assert there.ends(AFTER, UpdateHost=[theirs_meanwhile]) == (
        "unknown",
        f"UpdateHost: {LOST}; then {owner} owns it now: plan again",
    )


def test_what_was_given_up_without_an_answer_is_not_given_up_again(there: Service) -> None:
    api = there.spoilt(UntagResource=[there.done_but(unclear("UntagResource"))])
    compare = partial(forget, addresses=["host/ghes"])
    report = applied(desired_of(BEFORE), api, wait=0.0, means=AT_ONCE, compare=compare)
    assert [o["status"] for o in report["outcomes"]] == ["applied"]
    assert there.sent("UntagResource") == 1


def test_what_came_of_a_call_without_an_answer_is_noted(there: Service, tmp_path: Path) -> None:
    there.journal = Journal(tmp_path / "journal")
    there.ends(AFTER, UpdateHost=[unclear("UpdateHost")])
    resolved = [line for line in lines(tmp_path / "journal") if line.event == "resolved"]
    assert [line.text for line in resolved] == ["done, as was seen or by another call"]


def test_a_stack_is_deleted_although_what_it_stands_under_is_gone(quick: Emulator) -> None:
    """Lists lag: nobody can tell whose it is, and it is still what was planned for."""
    applied(desired_of(DESIRED), api_of(quick))
    gone = NotFoundError("GetRepositoryLink", "ResourceNotFoundException", "")
    api = Service(quick).spoilt(GetRepositoryLink=[gone])
    less = DESIRED.partition("sync_configurations")[0]
    report = applied(desired_of(less), api, wait=0.0, means=AT_ONCE, prune=True)
    assert [(o["address"], o["status"]) for o in report["outcomes"]] == [
        ("sync_configuration/network-prod", "applied")
    ]


def test_the_old_object_in_a_list_that_lags_is_not_another_one(quick: Emulator) -> None:
    """A link is deleted with its connection, and created again once the next one is approved."""
    text = "{version: 1, owner: platform, connections: [{name: one, provider_type: %s}],"
    text += " repository_links: [{owner_id: acme, repository_name: net, connection: one}]}"
    applied(desired_of(text % "GitHub"), api_of(quick))
    (listed,) = api_of(quick).read([Call("ListRepositoryLinks", {})])
    looks: list[int] = []

    def lagging(call: Call) -> Any:
        between = "DeleteConnection" in api.written and "CreateRepositoryLink" not in api.written
        if call.operation != "ListRepositoryLinks" or not between:
            return None
        looks.append(1)
        return listed

    api = Between(api_of(quick), lagging)
    allow = Allow(destroy=frozenset({"connection/one", "repository_link/acme/net"}), max_destroy=9)
    report = applied(desired_of(text % "Bitbucket"), api, wait=9.0, means=AT_ONCE, allow=allow)
    assert {o["status"] for o in report["outcomes"]} == {"applied"}, report["outcomes"]
    assert looks


def test_a_delete_without_an_answer_that_was_done_is_done(there: Service) -> None:
    answer = there.done_but(unclear("DeleteHost"))
    assert there.ends(EMPTY, DeleteHost=[answer]) == ("applied", "")
    assert there.sent("DeleteHost") == 1


def test_a_delete_without_an_answer_that_was_not_done_is_repeated(there: Service) -> None:
    assert there.ends(EMPTY, DeleteHost=[unclear("DeleteHost")]) == ("applied", "")
    assert there.sent("DeleteHost") == 1


def test_what_is_gone_already_needs_no_delete(there: Service) -> None:
    answer = there.done_but(NotFoundError("DeleteHost", "ResourceNotFoundException", ""))
    assert there.ends(EMPTY, DeleteHost=[answer]) == ("applied", "")


def test_what_is_to_be_updated_and_is_not_there_has_failed(there: Service) -> None:
    no = NotFoundError("UpdateHost", "ResourceNotFoundException", "")
    ending = ("failed", "UpdateHost: ResourceNotFoundException")
    assert there.ends(AFTER, UpdateHost=[no]) == ending


def test_an_answer_without_effect_says_all_that_is_still_different(there: Service) -> None:
    tagged = AFTER.replace("}", ", tags: {team: net}}")
    assert there.ends(tagged, UpdateHost=[{}], TagResource=[{}]) == (
        "failed",
        "carried out, but it reads back differently: provider_endpoint, tags.team",
    )
    assert there.slept == list(READ_BACK_DELAYS)


@pytest.mark.parametrize("reply", [{}, {"HostArn": ""}, {"HostArn": 5}, {"HostArn": None}])
def test_a_reply_without_an_id_is_no_clear_answer(service: Service, reply: dict[str, Any]) -> None:
    assert service.ends(BEFORE, CreateHost=[reply]) == (
        "unknown",
        "CreateHost: no clear answer: the reply holds no HostArn; "
        "what it may have made does not show up: apply again later",
    )


def test_a_certain_no_to_the_look_afterwards_is_not_asked_for_again(service: Service) -> None:
    no = ApiError("GetHost", "AccessDeniedException", "no")
    assert service.ends(BEFORE, GetHost=[no]) == (
        "failed",
        "carried out, but it could not be read back: GetHost: AccessDeniedException: no",
    )
    assert service.slept == [READ_BACK_DELAYS[0]]


def test_an_unclear_look_afterwards_is_not_the_last_one(service: Service) -> None:
    assert service.ends(BEFORE, GetHost=[unclear("GetHost")]) == ("applied", "")
    assert service.slept == list(READ_BACK_DELAYS[:2])


def test_what_does_not_show_up_has_failed(service: Service) -> None:
    gone = [NotFoundError("GetHost", "ResourceNotFoundException", "")] * len(READ_BACK_DELAYS)
    assert service.ends(BEFORE, GetHost=gone) == ("failed", "carried out, but it is not there")
    assert service.slept == list(READ_BACK_DELAYS)


def test_a_delete_without_effect_has_failed(there: Service) -> None:
    ending = ("failed", "deleted, but it is still there")
    assert there.ends(EMPTY, DeleteHost=[{}]) == ending
    # Before come a look at the other object that is made, and one for users of this one.
    assert there.slept[2:] == list(READ_BACK_DELAYS)


def test_the_id_in_a_reply_needs_no_look(quick: Emulator) -> None:
    """There is one for the plan, and one before each create that people were waited for."""
    seen: list[str] = []

    def note(call: Call) -> None:
        seen.append(call.operation)

    applied(desired_of(DESIRED), Between(api_of(quick), note))
    assert (seen.count("CreateRepositoryLink"), seen.count("ListRepositoryLinks")) == (2, 1 + 2)


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (None, ("applied", "")),
        ({}, ("failed", "carried out, but still owned")),
        ("deleted", ("applied", "")),
    ],
    ids=["done", "without effect", "deleted meanwhile"],
)
def test_what_was_given_up_is_nobodys_afterwards(
    there: Service, answer: Any, ending: tuple[str, str]
) -> None:
    def deleted_meanwhile(call: Call) -> Any:
        arn = call.parameters["ResourceArn"]
        return api_of(there.emulator).write(Call("DeleteHost", {"HostArn": arn}))

    api = there.spoilt(UntagResource=[deleted_meanwhile if answer == "deleted" else answer])
    compare = partial(forget, addresses=["host/ghes"])
    report = applied(desired_of(BEFORE), api, wait=0.0, means=AT_ONCE, compare=compare)
    (outcome,) = report["outcomes"]
    assert (outcome["status"], outcome["message"]) == ending


def test_an_update_of_what_takes_no_tags_without_effect_has_failed(quick: Emulator) -> None:
    applied(desired_of(DESIRED), api_of(quick))
    api = Service(quick).spoilt(UpdateSyncConfiguration=[{}])
    report = applied(desired_of(DESIRED.replace("h: main", "h: prod")), api, means=AT_ONCE)
    assert [o["message"] for o in report["outcomes"]] == [
        "carried out, but it reads back differently: branch"
    ]


def test_an_adoption_without_effect_has_failed(there: Service) -> None:
    theirs = BEFORE.replace("platform", "others")
    api = there.spoilt(TagResource=[{}])
    allow = Allow(take_over=frozenset({"platform"}))
    report = applied(desired_of(theirs), api, wait=0.0, means=AT_ONCE, allow=allow)
    (outcome,) = report["outcomes"]
    assert outcome["message"] == "carried out, but it reads back differently: owner"
    assert outcome["id"].startswith("arn:")


def test_what_goes_along_without_a_call_is_told_with_its_id(quick: Emulator) -> None:
    applied(desired_of(DESIRED.replace("platform", "others")), api_of(quick))
    allow = Allow(take_over=frozenset({"others"}))
    report = applied(desired_of(DESIRED), api_of(quick), means=AT_ONCE, allow=allow)
    (sync,) = (o for o in report["outcomes"] if o["address"].startswith("sync_configuration/"))
    assert (sync["status"], sync["id"], sync["calls_made"]) == ("applied", "network-prod", 0)


def test_what_is_secret_is_sent_as_it_is(service: Service) -> None:
    """It is only ever shown as something else."""
    network = "{vpc_id: vpc-12345678, subnet_ids: [subnet-12345678], "
    network += "security_group_ids: [sg-12345678], tls_certificate: PEM}"
    text = BEFORE.replace('com"}', f'com", vpc_configuration: {network}}}')
    service.ends(text)
    (request,) = service.emulator.control.requests(mutating_only=True)
    assert request.parameters["VpcConfiguration"]["TlsCertificate"] == "PEM"


def test_a_call_that_is_not_permitted_is_not_sent_nor_is_any_after_it(service: Service) -> None:
    means = Means(permit=lambda: "the lock is lost")
    report = applied(desired_of(DESIRED), service.spoilt(), wait=0.0, means=means)
    ended = {o["address"]: (o["status"], o["message"]) for o in report["outcomes"]}
    assert ended["connection/one"] == ("failed", "not sent: the lock is lost")
    assert ended["connection/two"] == ("skipped", "not begun: the lock is lost")
    assert service.emulator.control.requests(mutating_only=True) == []
