"""`specs/operations.yaml` is true: its 27 operations are held against model, program and tests."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

ROOT = Path(__file__).parent.parent
SPEC = yaml.safe_load((ROOT / "specs" / "operations.yaml").read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = SPEC["operations"]
SERVICES = ("codeconnections", "codestar-connections")
TEST_ID = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)(?:\[([\w-]+)\])?")


@cache
def model(service: str) -> ServiceModel:
    """The service model of the installed botocore."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@cache
def users() -> dict[str, set[str]]:
    """Every module of the program by the operations it has as a string of their own.

    The emulator serves all of them and uses none.
    """
    found: dict[str, set[str]] = {name: set() for name in model("codeconnections").operation_names}
    for path in (ROOT / "reconciler").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[1] == "emulator":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in found:
                found[str(node.value)].add(".".join(parts).removesuffix(".__init__"))
    return found


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a test file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def evidence(test_id: str) -> str:
    """The text of a test: its file, and the folder of the scenario in brackets."""
    found = TEST_ID.fullmatch(test_id)
    assert found, f"{test_id} is no test id"
    path, function, scenario = found.groups()
    assert (ROOT / path).is_file(), path
    assert function in functions(path), test_id
    if scenario is None:
        return (ROOT / path).read_text(encoding="utf-8")
    files = sorted((ROOT / "tests" / "scenarios" / scenario).glob("*.yaml"))
    return "".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("service", SERVICES)
def test_the_operations_are_those_of_the_model(service: str) -> None:
    assert sorted(OPERATIONS) == sorted(model(service).operation_names)
    assert len(OPERATIONS) == 27


def test_every_entry_has_the_same_members() -> None:
    for name, entry in OPERATIONS.items():
        assert sorted(entry) == ["generation", "sent_by", "tested_by", "used_by"], name
        assert entry["used_by"], f"{name} is used by nothing"
        assert entry["tested_by"], name


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_generation_follows_from_the_declared_errors(name: str, service: str) -> None:
    declared = {error.name for error in model(service).operation_model(name).error_shapes}
    generation = "git-sync" if "ThrottlingException" in declared else "connections"
    assert OPERATIONS[name]["generation"] == generation


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_users_are_those_of_the_program(name: str) -> None:
    assert sorted(OPERATIONS[name]["used_by"]) == sorted(users()[name])


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_tests_are_there_and_speak_of_the_operation(name: str) -> None:
    spellings = {name, xform_name(name)}
    for test_id in OPERATIONS[name]["tested_by"]:
        words = set(re.findall(r"\w+", evidence(test_id)))
        assert words & spellings, f"{test_id} does not speak of {name}"


@pytest.mark.parametrize("test_id", SPEC["every_operation"]["tested_by"])
def test_what_shows_every_operation_is_there(test_id: str) -> None:
    assert evidence(test_id)
