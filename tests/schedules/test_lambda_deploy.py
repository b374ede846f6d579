"""The commands at the top of the function's template, run by bash and the AWS CLI: S3 is moto's,
CloudFormation a server that takes every stack, and pip is not asked to fetch anything."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import parse_qs

import yaml

from tests.aws.s3 import BUCKET, s3_server
from tests.cli.servers import BODY, Answer, answering
from tests.conftest import ROOT
from tests.schedules.conftest import BIN, FILES, SCHEDULES
from tests.schedules.test_lambda import _Loader

TEMPLATE = SCHEDULES / "lambda" / "template.yaml"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:drift"
PIP = """#!/bin/sh
[ "$1 $2 $3 $4 $6" = "-m pip install --target ." ] || exit 9
mkdir -p "$5" && cp -r reconciler "$5/"
"""
NONE = (
    "<ErrorResponse><Error><Code>ValidationError</Code>"
    "<Message>Stack with id reconciler-drift does not exist</Message></Error></ErrorResponse>"
)


def script() -> str:
    """The commands, as they are in comments."""
    head = TEMPLATE.read_text("utf-8").partition("AWSTemplateFormatVersion")[0]
    return "set -e\n" + "\n".join(re.findall(r"^# {3}(.*)", head, re.MULTILINE))


def lay_out(tmp_path: Path) -> None:
    """The top of a repository, and a pip that fetches nothing."""
    (tmp_path / "examples").mkdir()
    shutil.copytree(SCHEDULES, tmp_path / "examples" / "schedules")
    shutil.copytree(ROOT / "reconciler" / "cli", tmp_path / "reconciler" / "cli")
    (tmp_path / "connections").mkdir()
    (tmp_path / "connections" / "all.yaml").write_text(FILES, encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.13").write_text(PIP, encoding="utf-8")
    (tmp_path / "bin" / "python3.13").chmod(0o700)


def test_the_commands_package_and_deploy_it(tmp_path: Path) -> None:
    deployed: list[dict[str, list[str]]] = []

    def stacks(operation: str) -> Answer:
        """CloudFormation: no stack at first, and then one that is ready."""
        if operation == "CreateChangeSet":
            deployed.append(parse_qs(BODY.get().decode()))
        if operation == "DescribeStacks" and not deployed:
            return Answer(400, NONE)
        stack = (
            "<member><StackName>x</StackName><StackStatus>CREATE_COMPLETE</StackStatus></member>"
        )
        result = f"<Id>x</Id><Status>CREATE_COMPLETE</Status><Stacks>{stack}</Stacks>"
        form = f"<{operation}Result>{result}</{operation}Result>"
        return Answer(200, f"<{operation}Response>{form}</{operation}Response>")

    lay_out(tmp_path)
    with s3_server() as s3, answering(stacks) as cloud:
        settings = {
            "PATH": os.pathsep.join(map(str, (tmp_path / "bin", BIN, os.environ["PATH"]))),
            "BUCKET": BUCKET,
            "TOPIC": TOPIC,
            "AWS_ENDPOINT_URL_S3": s3.url,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": cloud.url,
        }
        done = subprocess.run(
            ["bash", "-c", script()],
            cwd=tmp_path,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (call,) = deployed
        template = yaml.load(call["TemplateBody"][0], Loader=_Loader)
        code = template["Resources"]["Function"]["Properties"]["Code"]
        content = s3.client().get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {"handler.py", "connections/all.yaml", "reconciler/cli/main.py"} <= set(names)
    values = {name: value for name, (value,) in call.items()}
    given = [name for name, value in values.items() if value == TOPIC]
    assert [values[name.replace("ParameterValue", "ParameterKey")] for name in given] == ["Topic"]
    assert values["Capabilities.member.1"] == "CAPABILITY_IAM"
