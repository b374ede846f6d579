"""What a drift report is, as data: the classes of findings, its forms, and what makes a finding the
same one in another run."""

from __future__ import annotations

from typing import Any, NamedTuple, NotRequired

from typing_extensions import TypedDict

from reconciler.forms import CoverageForm, FieldForm, SourceForm, TargetForm
from reconciler.safe import safe

CLASSES = {
    "changed": "fields, tags or the owner differ from the entry",
    "missing": "declared, and not there",
    "orphan": "owned, and not declared any more",
    "waiting": "a person has something to do",
    "error": "the connection to the provider is in ERROR",
    "failed": "the set-up failed for good",
    "sync_failing": "the latest sync failed",
    "sync_blocked": "nothing is synced until a person resolves a blocker",
    "unmanaged": "live, owned by nobody, and not declared",
    "ignored": "differs, and a rule of the entry leaves it alone",
    "pending": "the files moved on, and this was not applied yet",
    "not_checked": "could not be read or told apart",
}
"""Every class of finding, and what it means."""
QUIET = frozenset({"unmanaged", "ignored", "pending"})
"""The classes that do not count as drift by default."""


class DriftFindingForm(TypedDict):
    """One finding. `level` is `error` for what was not checked, `warning` for what counts and
    `info` for what does not; `code` is its class; `id` is that of the live object or of the
    blocker; `fields` hold what is live as `before` and what is declared as `after`. `reason`,
    `until` are those of an ignore rule, `link` leads to where a person can do something. With a
    history: when it was first seen, and in how many runs."""

    level: str
    code: str
    address: str | None
    id: str | None
    message: str
    fields: list[FieldForm]
    reason: str | None
    until: str | None
    link: str | None
    source: SourceForm | None
    first_seen: NotRequired[str]
    times: NotRequired[int]


class RunForm(TypedDict):
    """One look: when, whether it saw everything, and how many findings of each class it had."""

    time: str
    complete: bool
    counts: dict[str, int]


class PastForm(TypedDict):
    """A finding as the history knows it: what it is about, the paths of its fields or the id of the
    blocker, in how many runs it was seen, and when it was first seen not to be there; null while
    it is open."""

    code: str
    about: str
    fields: list[str]
    first_seen: str
    last_seen: str
    times: int
    gone: str | None


class HistoryForm(TypedDict):
    """What earlier runs saw: the runs, evenly thinned out where there are many; the findings that
    are open longest and count; those that this run was the first not to see; and since when a
    finding is new to whoever asked."""

    runs: list[RunForm]
    oldest: list[PastForm]
    gone: list[PastForm]
    since: str | None


class NewsForm(TypedDict):
    """How many findings that count are new, gone and still open since this was told last."""

    new: int
    gone: int
    open: int


class DriftForm(TypedDict):
    """A drift report. `base` is the revision of what was last applied, if one was given; `checked`
    how many declared objects were looked at; `summary` counts the findings of each class. It was
    begun at `created`; `history` is there with a history, and `news` where it is told to somebody,
    who may have to do without `left_out` findings."""

    format_version: str
    kind: str
    created: NotRequired[str]
    target: TargetForm
    owner: str
    base: str | None
    checked: int
    findings: list[DriftFindingForm]
    coverage: CoverageForm
    summary: dict[str, int]
    history: NotRequired[HistoryForm]
    news: NotRequired[NewsForm]
    left_out: NotRequired[int]


class FailureForm(TypedDict):
    """Why a look was none: what somebody is told in the place of a drift report. `paths` are those
    of the files, as they were given."""

    format_version: str
    kind: str
    created: str
    paths: list[str]
    base: str | None
    reason: str


class Key(NamedTuple):
    """What makes a finding the same one in another run: its class, what it is about, and the paths
    of its fields or the id of the blocker. Harmless to show."""

    code: str
    about: str
    fields: tuple[str, ...] = ()


def is_found(document: Any) -> bool:
    """Whether a drift report has findings that count, or that could not be made."""
    return any(map(counts, document["findings"]))


def counts(finding: Any) -> bool:
    """Whether a finding is drift, or could not be made."""
    return bool(finding["level"] != "info")


def key_of(finding: Any) -> Key:
    """The key of a finding. What could not be listed has no address: its message begins with what
    it is, and goes on with a reason that may be another one each time."""
    about = finding["address"] or finding["message"].partition(":")[0]
    parts = sorted(safe(field["path"]) for field in finding["fields"])
    if finding["code"] == "sync_blocked":
        parts = [safe(finding["id"] or "")]
    return Key(finding["code"], safe(about), tuple(parts))
