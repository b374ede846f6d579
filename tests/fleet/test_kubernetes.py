"""The cluster of the example: through the schemas of Kubernetes, and its very commands and
arguments as processes on a folder that is laid out as a ConfigMap is mounted."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator import Emulator
from tests.cli.terminal import environment
from tests.conftest import ROOT, Cli
from tests.fleet.test_lost_workers import lock
from tests.repository.test_files import CONTAINER, script
from tests.schedules.test_kubernetes import VERSIONS, fits, mounted

__all__ = ["lock"]
MANIFESTS = ROOT / "examples" / "fleet" / "kubernetes" / "dask.yaml"
SCHEDULER, WORKER, RUN = "reconciler-scheduler", "reconciler-worker", "reconciler-drift"
POLICY = "NetworkPolicy/reconciler-fleet"


def objects() -> dict[str, Any]:
    """The manifests by kind and name."""
    found = yaml.safe_load_all(MANIFESTS.read_text("utf-8"))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def template(name: str) -> Any:
    """What the pods of a Deployment or the CronJob are made of."""
    found = objects()
    if name == RUN:
        return found[f"CronJob/{name}"]["spec"]["jobTemplate"]["spec"]["template"]
    return found[f"Deployment/{name}"]["spec"]["template"]


def container(name: str) -> Any:
    (found,) = template(name)["spec"]["containers"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_they_fit_their_schemas(version: str) -> None:
    done = fits(MANIFESTS, version)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("policyTypes: [Ingress]", "policyTypes: Ingress"),
        ("targetPort: dask", "target: dask"),
        ("replicas: 3", "replicas: three"),
        ("drop: [ALL]", "drops: [ALL]"),
    ],
)
def test_a_mistake_does_not_fit(before: str, after: str, tmp_path: Path) -> None:
    text = MANIFESTS.read_text("utf-8")
    assert before in text
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace(before, after), encoding="utf-8")
    assert fits(wrong, VERSIONS[-1]).returncode == 1


def test_what_is_named_is_there() -> None:
    found = objects()
    names = {each["metadata"].get("namespace") for each in found.values()}
    assert names == {None, "reconciler-fleet"}
    assert f"ServiceAccount/{template(WORKER)['spec']['serviceAccountName']}" in found
    for name in (SCHEDULER, WORKER, RUN):
        labels = template(name)["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == name
        if name != RUN:
            chosen = found[f"Deployment/{name}"]["spec"]["selector"]["matchLabels"]
            assert chosen.items() <= labels.items()
        volumes = {each["name"]: each for each in template(name)["spec"]["volumes"]}
        assert {each["name"] for each in container(name)["volumeMounts"]} == volumes.keys()
        if name != SCHEDULER:
            assert f"ConfigMap/{volumes['files']['configMap']['name']}" in found
    service = found[f"Service/{SCHEDULER}"]["spec"]
    assert service["selector"].items() <= template(SCHEDULER)["metadata"]["labels"].items()


def test_all_of_it_sees_the_same_program_and_files() -> None:
    assert len({container(name)["image"] for name in (SCHEDULER, WORKER, RUN)}) == 1
    mounts = [
        [each for each in container(name)["volumeMounts"] if each["name"] == "files"]
        for name in (WORKER, RUN)
    ]
    assert mounts[0] == mounts[1]
    assert container(WORKER)["command"][0].startswith("/opt/reconciler/bin/")
    assert "EXTRAS=policy,html,dask" in CONTAINER.read_text("utf-8")


@pytest.mark.parametrize("name", [SCHEDULER, WORKER, RUN])
def test_every_pod_is_shut_in(name: str) -> None:
    spec = template(name)["spec"]
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"]) == (
        True,
        65532,
    )
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert ("serviceAccountName" in spec) == (name == WORKER), "only workers have a role"


def test_only_these_pods_reach_each_other() -> None:
    spec = objects()[POLICY]["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Ingress"])
    (rule,) = spec["ingress"]
    (source,) = rule["from"]
    for name in (SCHEDULER, WORKER, RUN):
        labels = template(name)["metadata"]["labels"]
        assert source["podSelector"]["matchLabels"].items() <= labels.items()
    (scheduled,) = (each["containerPort"] for each in container(SCHEDULER)["ports"])
    (working,) = re.findall(r"--worker-port=(\d+)", " ".join(container(WORKER)["args"]))
    assert {each["port"] for each in rule["ports"]} == {scheduled, int(working)}
    assert objects()[f"Service/{SCHEDULER}"]["spec"]["ports"][0]["port"] == scheduled


Where = Callable[[str], str]


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in taken]


def here(root: Path, port: int) -> Where:
    """How a word of the manifests reads on this machine."""
    places = "|".join(each["mountPath"] for each in container(RUN)["volumeMounts"])

    def word(text: str) -> str:
        text = text.replace(f"tcp://{SCHEDULER}:8786", f"tcp://127.0.0.1:{port}")
        text = text.replace("--worker-port=8788", "--worker-port=0")
        return re.sub(f"(^|=)({places})", rf"\1{root}\2", "0" if text == "8786" else text)

    return word


@contextmanager
def running(name: str, words: list[str], **more: str) -> Iterator[None]:
    """A pod's command as a process, for as long as the block runs."""
    own = {each["name"]: each["value"] for each in container(name).get("env", [])}
    command = [script(Path(container(name)["command"][0]).name), *words]
    with subprocess.Popen(
        command,
        env=environment(**own, **more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def listening(port: int) -> None:
    """Wait until there is somebody, as a probe does."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)


@contextmanager
def cluster(root: Path, url: str) -> Iterator[Where]:
    """The scheduler and a worker; how words read there comes out."""
    port, status = free_ports(2)
    word = here(root, port)
    words = [str(port) if each == "8786" else each for each in container(SCHEDULER)["args"]]
    words += ["--host", "127.0.0.1", "--dashboard-address", f"127.0.0.1:{status}"]
    with ExitStack() as stack:
        stack.enter_context(running(SCHEDULER, words))
        listening(port)
        words = [*map(word, container(WORKER)["args"]), "--host", "127.0.0.1"]
        stack.enter_context(running(WORKER, words, AWS_ENDPOINT_URL=url))
        yield word


def test_its_run_looks_at_every_account(
    emulator: Emulator, cli: Cli, tmp_path: Path, lock: list[str]
) -> None:
    pytest.importorskip("distributed")
    root = tmp_path / "pod"
    for name in ("state", "tmp"):
        (root / name).mkdir(parents=True)
    mounted(objects()["ConfigMap/reconciler-fleet"]["data"], root / "files")
    targets = root / "files" / "targets.yaml"
    where = ("--endpoint-url", emulator.url, "--allow-pending")
    assert cli("apply", "--targets", targets, "--yes", "--target", "prod", *where).code == 0
    for one in emulator.control.pending():
        emulator.control.approve(one.arn)
    with cluster(root, emulator.url) as word:
        words = [word(each) for each in container(RUN)["args"]]
        assert words.pop(0) == "drift"
        assert "AWS_ENDPOINT_URL" not in os.environ, "only the worker knows where calls go"
        found = cli("drift", *words)
        assert (found.code, "222233334444" in found.out) == (2, True), found.err
        assert (root / "state" / "drift.json").is_file()
        assert cli("apply", "--yes", "--allow-pending", *words, *lock).code == 0
        for one in emulator.control.pending():
            emulator.control.approve(one.arn)
        found = cli("drift", *words)
        assert (found.code, found.out, found.err) == (0, "", "")
