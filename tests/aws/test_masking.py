"""What is told holds no secret, whatever form it comes in, and loses nothing else."""

from __future__ import annotations

import pytest
from botocore.exceptions import HTTPClientError

from reconciler.aws import masking
from reconciler.aws.masking import hide, one_line, without_secrets

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"

MASKED = [
    (f"it is {SECRET}.", "it is ***."),
    ("it is wJalrXUtnFEMI%2FK7MDENG%2FbPxRfiCYEXAMPLEKEY", "it is ***"),
    ("wJalrXUtnFEMI\\/K7MDENG\\/bPxRfiCYEXAMPLEKEY", "***"),
    ("x-amz-security-token:abc==\nx-amz-target:t", "x-amz-security-token:*** x-amz-target:t"),
    ('{"X-Amz-Security-Token": "a/b+c=="}', '{"X-Amz-Security-Token": "***"}'),
    ("X-Amz-Security-Token =&gt; &quot;a/b&quot;", "X-Amz-Security-Token =&gt; &quot;***&quot;"),
    ("X-Amz-Security-Token [a/b+c==]", "X-Amz-Security-Token [***]"),
    ("<X-Amz-Security-Token>a/b</X-Amz", "<X-Amz-Security-Token>***</X-Amz"),
    (
        f"AWS4-HMAC-SHA256 Credential=AKIA/x/aws4, SignedHeaders=a;b, Signature={SIGNATURE}",
        "AWS4-HMAC-SHA256 Credential=***, SignedHeaders=a;b, Signature=***",
    ),
    (f"signed {SIGNATURE}", "signed ***"),
    ("-----BEGIN CERTIFICATE-----\nMII\n", "-----BEGIN CERTIFICATE----- ***"),
    (
        "a -----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA PRIVATE KEY----- z",
        "a -----BEGIN RSA PRIVATE KEY----- *** z",
    ),
]
KEPT = [
    "Authorization header requires 'Credential' parameter. It requires 'Signature' parameter.",
    "The request lacks the X-Amz-Security-Token header",
    "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target",
    "a local service takes any secret",
    "arn:aws:codeconnections:eu-west-1:111122223333:connection/5d672d79-c15b-1316-2d92-79b0855cfba6",
]


@pytest.mark.parametrize(("text", "told"), MASKED)
def test_what_is_secret_is_not_told(text: str, told: str) -> None:
    hide(SECRET)
    assert without_secrets(text) == told


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_is_told(text: str) -> None:
    hide("secret", None, "")
    assert without_secrets(text) == text


def test_a_url_that_cannot_be_understood_is_not_told() -> None:
    error = HTTPClientError(error="Failed to parse: 'user:password' is not a valid host or port")
    assert one_line(error).endswith(" Failed to parse a URL: check the endpoint and proxies")


def test_of_many_secrets_those_in_use_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", {})
    monkeypatch.setattr(masking, "MOST", 10)
    for number in range(100):
        hide("the one in use", f"some secret {number:03}")
    assert len(masking._known) == 10
    told = without_secrets("the one in use, some secret 099, some secret 091, some secret 089")
    assert told == "***, ***, ***, some secret 089"
