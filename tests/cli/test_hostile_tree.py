"""In the tree of somebody who wants their code to be run: nothing in the working folder is
imported, executed, obeyed or waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconciler.emulator import Emulator
from tests.cli.conftest import DESIRED
from tests.cli.terminal import PATIENCE, environment

MARK = "open(__file__ + '.was-run', 'w').close()\n"
OTHERS = ("boto3", "botocore", "celpy", "click", "deepdiff", "filelock", "pydantic", "rich", "yaml")
MORE = ("_yaml", "conftest", "dotenv", "readline", "setup", "sitecustomize", "usercustomize")
SETTINGS = {
    ".aws/config": "[default]\nregion = xx-evil-1\ncredential_process = touch {0}/aws.was-run\n",
    ".aws/credentials": "[default]\ncredential_process = touch {0}/credentials.was-run\n",
    ".env": "AWS_ENDPOINT_URL=http://127.0.0.1:1\nRECONCILER_DEBUG=1\n",
    "evil.pth": "import os; os.system('touch {0}/pth.was-run')\n",
    "evil-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
    "evil-1.dist-info/entry_points.txt": "[pydantic]\nevil = evil:plugin\n",
    "evil.py": MARK + "plugin = None\n",
    "pyproject.toml": '[tool.reconciler]\nregion = "xx-evil-1"\nendpoint_url = "http://127.0.0.1:1"\n',
    "pyvenv.cfg": "home = {0}\n",
    "setup.cfg": "[reconciler]\nregion = xx-evil-1\n",
}
RULES = "version: 1\nrules: [{id: a, message: m, expression: size(object.name) > 0}]\n"
SCRIPT = [str(Path(sysconfig.get_path("scripts"), "reconciler"))]
MODULE = [sys.executable, "-m", "reconciler"]
SAFELY = [sys.executable, "-P", "-m", "reconciler"]
WAYS = {"script": SCRIPT, "module": MODULE, "safe path": SAFELY}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree, with one good file; beside it a home that holds real credentials."""
    tree, home = tmp_path / "tree", tmp_path / "home" / ".aws"
    home.mkdir(parents=True)
    (home / "credentials").write_text(
        "[default]\naws_access_key_id = 111122223333\naws_secret_access_key = x\n", encoding="utf-8"
    )
    for name in {*sys.stdlib_module_names, *OTHERS, *MORE}:
        (tree / name).with_suffix(".py").parent.mkdir(exist_ok=True)
        (tree / f"{name}.py").write_text(MARK, encoding="utf-8")
    for name, text in SETTINGS.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text.format(tree), encoding="utf-8")
    (tree / "good.yaml").write_text(DESIRED, encoding="utf-8")
    return tree


def run(way: list[str], tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program as a process with the tree as its working folder."""
    env = environment(HOME=str(tree.parent / "home"))
    for name in [name for name in env if name.startswith("AWS_") and name != "AWS_DEFAULT_REGION"]:
        del env[name]
    return subprocess.run(
        [*way, *arguments],
        cwd=tree,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def loaded_by_python() -> set[str]:
    """The modules that `python -m` needs before the program has its first word."""
    probe = "import sys; print(*sys.modules)"
    with TemporaryDirectory() as folder:
        Path(folder, "probe.py").write_text(probe, encoding="utf-8")
        command = [sys.executable, "-m", "probe"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def marks(tree: Path) -> list[str]:
    """What was run."""
    return sorted(path.name for path in tree.rglob("*.was-run"))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_in_the_working_folder_is_run(way: str, tree: Path, emulator: Emulator) -> None:
    if way == "module":
        for name in loaded_by_python():
            (tree / f"{name}.py").unlink(missing_ok=True)
    else:  # `python -m` itself looks for the program in the working folder
        (tree / "reconciler").mkdir()
        for name in ("reconciler.py", "reconciler/__init__.py", "reconciler/__main__.py"):
            (tree / name).write_text(MARK, encoding="utf-8")
    (tree.parent / "rules.yaml").write_text(RULES, encoding="utf-8")
    where = ("good.yaml", "--endpoint-url", emulator.url, "--policy", "../rules.yaml")
    results = [
        run(WAYS[way], tree, "validate", "good.yaml"),
        run(WAYS[way], tree, "plan", *where),
        run(WAYS[way], tree, "apply", *where, "--yes", "--allow-pending", "--output", "json"),
    ]
    assert marks(tree) == []
    assert [(result.returncode, result.stderr[-500:]) for result in results[:2]] == [(0, "")] * 2
    assert results[2].returncode == 0, results[2].stderr
    assert [r.account for r in emulator.control.requests(mutating_only=True)] == ["111122223333"]


def test_a_mark_is_left_by_what_is_run(tree: Path) -> None:
    subprocess.run([sys.executable, "-c", "import yaml"], cwd=tree, check=True)
    assert marks(tree) == ["yaml.py.was-run"]


def test_nothing_leads_out_of_the_tree_or_is_waited_for(tree: Path) -> None:
    (tree.parent / "secret.yaml").write_text("secret: s3cret\n", encoding="utf-8")
    links = {
        "out.yaml": "../secret.yaml",
        "zero.yaml": "/dev/zero",
        "terminal.yaml": "/dev/tty",
        "home": "../home",
        "around": ".",
        "loop.yaml": "loop.yaml",
        "to.yml": "fro.yml",
        "fro.yml": "to.yml",
    }
    for name, target in links.items():
        (tree / name).symlink_to(target)
    os.mkfifo(tree / "fifo.yaml")
    text = DESIRED + "".join(
        f"- {{name: {n}, provider_type: !file {path}}}\n"
        for n, path in enumerate(["../secret.yaml", "/dev/zero", "fifo.yaml", "out.yaml", "around"])
    )
    (tree / "good.yaml").rename(tree / "files.yaml")
    (tree / "files.yaml").write_text(text, encoding="utf-8")
    for command in ("validate", "plan", "apply"):
        result = run(SCRIPT, tree, command, ".")
        said = result.stdout + result.stderr
        assert result.returncode == 1
        assert "s3cret" not in said
        codes = {line.split(":")[0]: line.split()[1] for line in said.splitlines()[:-1]}
        assert codes == {
            "./fifo.yaml": "E003",
            "./files.yaml": codes["./files.yaml"],
            "./fro.yml": "E001",
            "./home": "E004",
            "./loop.yaml": "E001",
            "./out.yaml": "E004",
            "./terminal.yaml": "E004",
            "./to.yml": "E001",
            "./zero.yaml": "E004",
        }
        told = [line.split()[1] for line in said.splitlines() if line.startswith("./files.yaml")]
        assert {"E004", "E003"} <= set(told)
    assert marks(tree) == []
