"""The CronJob: through the schemas of Kubernetes, and its very arguments on a folder that is laid
out as a ConfigMap is mounted."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.hook import Hook
from tests.conftest import Cli
from tests.repository.test_files import script
from tests.schedules.conftest import SCHEDULES, Applied

MANIFESTS = SCHEDULES / "kubernetes" / "drift.yaml"
VERSIONS = ("1.27", "1.37")
"""The first that has all of this as stable (`timeZone`), and the last that the validator knows."""


def fits(path: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [script("kubernetes-validate"), "--strict", f"--kubernetes-version={version}"]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)


def objects() -> dict[str, Any]:
    """The manifests by their kinds."""
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFESTS.read_text("utf-8"))}


def pod() -> Any:
    """What a run is made of."""
    return objects()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_they_fit_their_schemas(version: str) -> None:
    done = fits(MANIFESTS, version)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistake_does_not_fit(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    for before, after in (
        ("backoffLimit: 0", "backoffLimit: none"),
        ("concurrencyPolicy: Forbid", "concurrency: Forbid"),
        ("drop: [ALL]", "drops: [ALL]"),
    ):
        text = MANIFESTS.read_text("utf-8")
        assert before in text
        wrong.write_text(text.replace(before, after), encoding="utf-8")
        assert fits(wrong, VERSIONS[-1]).returncode == 1, after


def test_what_is_named_is_there() -> None:
    found = objects()
    kinds = ["Namespace", "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "CronJob"]
    assert list(found) == kinds
    names = {each["metadata"].get("namespace") for each in found.values()}
    assert names == {None, found["Namespace"]["metadata"]["name"]}
    assert pod()["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    volumes = {each["name"]: each for each in pod()["volumes"]}
    assert volumes["files"]["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
    state = found["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == state
    (container,) = pod()["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == volumes.keys()


def test_it_is_shut_in_and_does_not_repeat_itself() -> None:
    """The profile `restricted`, which the namespace asks for:
    https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    (container,) = pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 65532, "the user of the image"
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    spec = objects()["CronJob"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod()["restartPolicy"] == "Never"


def mounted(content: dict[str, str], folder: Path) -> None:
    """Write files as the kubelet does, which changes them all at once by one link."""
    version = folder / "..2026_01_01_00_00_00.1"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    for name, text in content.items():
        (version / name).write_text(text, encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")


def test_it_looks_at_what_is_mounted(
    applied: Applied, cli: Cli, tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secret that may be there, and tells a channel."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", applied.emulator.url)
    root = tmp_path / "pod"
    mounted(objects()["ConfigMap"]["data"], root / "files")
    (root / "state").mkdir()
    (container,) = pod()["containers"]
    (variable,) = container["env"]
    secret = variable["valueFrom"]["secretKeyRef"]
    assert (secret["name"], secret["key"], secret["optional"]) == (
        "reconciler-drift",
        "notify",
        True,
    )
    monkeypatch.setenv(variable["name"], hook.url)
    places = "|".join(each["mountPath"] for each in container["volumeMounts"])
    arguments = [re.sub(f"(^|=)({places})", rf"\1{root}\2", word) for word in container["args"]]
    found = cli(*arguments)
    assert (found.code, found.out, found.err) == (0, "", "")
    applied.drift()
    found = cli(*arguments)
    assert (found.code, "connection/main is declared and not there" in found.out) == (2, True)
    assert (root / "state" / "drift.json").is_file()
    assert "in 2 runs" in cli(*arguments).out
    assert [body["kind"] for body in hook.bodies] == ["drift"]
