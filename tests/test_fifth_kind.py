"""A fifth kind is one new file: a copy of the package gets one, and everything else follows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

WIDGET = '''
"""A widget: a kind that AWS does not have, under a repository link and under other widgets."""

from __future__ import annotations

from typing import Annotated, ClassVar

from reconciler.fields import Immutable, Reference, Text, Wire
from reconciler.kinds.repository_link import RepositoryLink
from reconciler.resource import Calls, Tagged


class Widget(Tagged):
    """A widget."""

    kind: ClassVar = "widget"
    section: ClassVar = "widgets"
    calls: ClassVar = Calls(
        create="CreateWidget", get="GetWidget", list="ListWidgets", update="UpdateWidget",
        delete="DeleteWidget", items="Widgets", id="WidgetArn", arn="WidgetArn",
    )

    name: Annotated[str, Immutable(), Text(1, 10)]
    size: int
    repository: Annotated[str, Wire("RepositoryLinkId"), Reference(RepositoryLink), Text(1)]
    above: Annotated[str | None, Wire("AboveArn"), Reference("widget"), Text(1)] = None
'''

DESIRED = """
version: 1
owner: platform
widgets:
  - {name: a-below, size: 2, repository: acme/network, above: b-top}
  - {name: b-top, size: 1, repository: acme/network}
sync_configurations:
  - resource_name: network-prod
    repository: acme/network
    branch: main
    config_file: a.yaml
    role_arn: arn:aws:iam::111122223333:role/git-sync
repository_links:
  - {owner_id: acme, repository_name: network, connection: main}
connections:
  - {name: main, provider_type: GitHub}
"""

PROGRAM = '''
import json, sys
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciler.writer import Outcome
from reconciler.aws.api import AwsApi
from reconciler.aws.session import Session, Settings
from reconciler.emulator import Emulator, Settings as EmulatorSettings
from reconciler.errors import NotFoundError
from reconciler.kinds import KINDS
from reconciler.reconcile import apply_plan, plan_for
from reconciler.report import plan_document
from reconciler.resource import Call, Target
from reconciler.spec.document import load


@dataclass
class WithWidgets:
    """The four kinds over HTTP, and a small service of its own for widgets."""

    api: AwsApi
    widgets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self, calls):
        for call in calls:
            arn = call.parameters.get("WidgetArn") or call.parameters.get("ResourceArn", "")
            if call.operation == "ListWidgets":
                yield {"Widgets": [dict(w) for w in self.widgets.values()]}
            elif call.operation == "GetWidget":
                found = self.widgets.get(arn)
                yield dict(found) if found else NotFoundError("GetWidget", "NotFound", arn)
            elif ":widget/" in arn:
                found = self.widgets.get(arn)
                tags = {"Tags": found["Tags"]} if found else None
                yield tags or NotFoundError("ListTagsForResource", "NotFound", arn)
            else:
                yield from self.api.read([call])

    def write(self, call):
        if call.operation == "CreateWidget":
            arn = f"arn:aws:widgets:eu-west-1:111122223333:widget/{len(self.widgets)}"
            self.widgets[arn] = {**call.parameters, "WidgetArn": arn}
            return {"WidgetArn": arn}
        if call.operation == "UpdateWidget":
            self.widgets[call.parameters["WidgetArn"]].update(call.parameters)
            return {}
        if call.operation == "DeleteWidget":
            del self.widgets[call.parameters["WidgetArn"]]
            return {}
        return self.api.write(call)


today, said = date(2026, 1, 15), {"kinds": [kind.kind for kind in KINDS]}
with Emulator(EmulatorSettings(handshake="auto", handshake_seconds=0.0)) as emulator:
    settings = Settings(
        region="eu-west-1", endpoint_url=emulator.url, access_key=("111122223333", "x")
    )
    api = WithWidgets(AwsApi(Session(settings), writes=True))
    target = Target("111122223333", "eu-west-1")

    def go(name, file, prune=False):
        desired = load([file])
        plan = plan_for(desired, api, target, today=today, prune=prune)
        said[name] = [[c["address"], c["action"]] for c in plan_document(plan)["changes"]]
        events = apply_plan(plan, desired, api, run="r", today=today, wait=5)
        said[name + " outcomes"] = [e.status.value for e in events if isinstance(e, Outcome)]

    file = sys.argv[1]
    go("first", file)
    go("second", file)
    text = open(file).read()
    open(file, "w").write(text.replace("size: 2", "size: 3"))
    go("changed", file)
    open(file, "w").write("\\n".join(line for line in text.split("\\n") if "a-below" not in line))
    go("removed", file, prune=True)
    go("last", file, prune=True)
print(json.dumps(said))
'''


def test_a_fifth_kind_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reconciler", tmp_path / "copy" / "reconciler")
    (tmp_path / "copy" / "reconciler" / "kinds" / "widget.py").write_text(WIDGET)
    (tmp_path / "desired.yaml").write_text(DESIRED)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "desired.yaml")],
        cwd=tmp_path / "copy",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "copy")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["kinds"] == [
        "host",
        "connection",
        "repository_link",
        "sync_configuration",
        "widget",
    ]
    assert said["first"] == [
        ["connection/main", "create"],
        ["repository_link/acme/network", "defer"],
        ["sync_configuration/network-prod", "defer"],
        ["widget/b-top", "defer"],
        ["widget/a-below", "defer"],
    ]
    assert said["first outcomes"] == ["applied"] * 5
    assert said["second"] == []
    assert said["changed"] == [["widget/a-below", "update"]]
    assert said["changed outcomes"] == ["applied"]
    assert said["removed"] == [["widget/a-below", "delete"]]
    assert said["removed outcomes"] == ["applied"]
    assert said["last"] == []


def test_a_reference_cycle_is_one_clear_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reconciler", tmp_path / "copy" / "reconciler")
    (tmp_path / "copy" / "reconciler" / "kinds" / "widget.py").write_text(WIDGET)
    file = tmp_path / "desired.yaml"
    file.write_text(DESIRED.replace("name: b-top, size: 1", "name: b-top, above: a-below, size: 1"))
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", str(file)],
        cwd=tmp_path / "copy",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "copy")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    first, _, last = done.stdout.partition("\n")
    assert first.startswith(f"{file}:5:5: E043 reference cycle: widget/")
    assert last == "1 problem; nothing was called.\n"
