"""Looks for drift in an AWS Lambda function: files from the package or from S3 go in, the report
comes out, and one line for CloudWatch, which makes a metric of it.

Nothing is written but below /tmp. Settings are environment variables:

FILES                where the files are: a folder of the package, or s3://BUCKET/PREFIX/
RECONCILER_...       options of `reconciler drift`, such as RECONCILER_ALLOW_PENDING=1, or
                     RECONCILER_NOTIFY and RECONCILER_NOTIFY_WHEN=always to send the report
"""

from __future__ import annotations

import json
import os
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from reconciler.cli.main import run

NAMESPACE = "reconciler"
"""Of the metric; template.yaml has an alarm on it."""
CLEAN, DRIFT, WAITING = 0, 2, 7
"""The exit codes of a look that was one."""


class LookError(Exception):
    """It could not be said whether there is drift."""


def handler(event: Any, context: Any) -> dict[str, Any]:
    """The exit code and the report. Raises `LookError` where there is none: the function's
    metric `Errors` counts it, and Lambda, which a schedule calls asynchronously, tries again."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "drift.json"
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            paths = _files(os.environ["FILES"], Path(folder) / "files")
            code = int(run(["drift", "--output", f"json={report}", "--", paths]))
        if code not in (CLEAN, DRIFT, WAITING):
            raise LookError(f"exit code {code}: {said.getvalue()}")
        document = json.loads(report.read_text(encoding="utf-8"))
    found = [one for one in document["findings"] if one["level"] != "info"]
    print(json.dumps(_line(code, len(found), said.getvalue())))
    return {"code": code, "found": len(found), "report": document}


def _line(code: int, found: int, text: str) -> dict[str, Any]:
    """One line of the log in the embedded metric format, which costs no call and no permission:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    metric = {
        "Namespace": NAMESPACE,
        "Dimensions": [[]],
        "Metrics": [{"Name": "Findings", "Unit": "Count"}],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
    return {"_aws": about, "Findings": found, "code": code, "text": text}


def _files(place: str, folder: Path) -> str:
    """A path with the files; those from S3 are in the new folder then."""
    if not place.startswith("s3://"):
        return place
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    folder.mkdir()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents", ()):
            name = one["Key"].removeprefix(prefix).lstrip("/")
            if not name or name.endswith("/"):
                continue
            path = folder / name
            if ".." in path.parts:
                raise LookError(f"{one['Key']!r} would lie outside of its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, one["Key"], str(path))
    return str(folder)
