"""What plain scalars mean, against a table and against PyYAML's own safe loader."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.spec.scalars import Unquoted, resolve

TEXT = """\
    github-main acme/network arn:aws:iam::111122223333:role/git-sync vpc-0123456789abcdef0 none
    nil nothing yesterday nope once offset trueish falsey nullable nULL NaN Infinity inf
    10.0.0.1 1.2.3 v1 1a 0xg 12:60 a:1 -- - + . .. ... -a +b .a e3 1e 1e+ 2024-01 2024-01-01-rc
    20240101T000000Z 2024-1 https://git.example.com 1,000 1/2 50% =x <<x ~x _1 +-1 é
"""
NULLS = ["", "~", "null", "Null", "NULL"]
INTEGERS = {"0": 0, "1": 1, "-1": -1, "42": 42, "111122223333": 111122223333, "-999": -999}
UNQUOTED = {
    "a boolean": "y n Y N yes no Yes No YES NO on off On Off ON OFF yEs oFF trUE fALSe",
    "a number": """+1 -0 00 0123 -017 089 012345678901 0x1F 0b101 0o17 1_000 1:30 190:20:30 -1:30
        1:30.5 1.5 -1.5 +1.5 1. .5 -.5 1.5e3 1.5e+3 1e3 2E-7 .inf -.inf +.INF .nan .NaN
        12345678901234567890""",
    "a date": "2024-01-01 2024-1-2 2024-01-01T10:00:00Z 2001-12-14t21:59:43.10-05:00",
    "a merge key": "<<",
    "a default value": "=",
}
OTHERWISE = [(text, what) for what, texts in UNQUOTED.items() for text in texts.split()]


@pytest.mark.parametrize("text", TEXT.split())
def test_text_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize("text", NULLS)
def test_null_is_none(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_only_true_and_false_are_booleans(text: str) -> None:
    assert resolve(text) is (text.lower() == "true")


@pytest.mark.parametrize(("text", "value"), INTEGERS.items())
def test_decimal_integers_are_integers(text: str, value: int) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is int


@pytest.mark.parametrize(("text", "what"), [*OTHERWISE, ("2001-12-14 21:59:43.10 -5", "a date")])
def test_what_could_be_misread_says_so(text: str, what: str) -> None:
    assert resolve(text) == Unquoted(text, what)


@settings(max_examples=1500, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet="0123456789abefinostxyzETZN+-._:~=<", min_size=1, max_size=10))
def test_never_text_where_pyyaml_sees_something_else(text: str) -> None:
    """Whatever PyYAML would turn into another type must not pass as text here."""
    loader = yaml.CSafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    value = resolve(text)
    if tag != "tag:yaml.org,2002:str":
        assert not isinstance(value, str)
    if type(value) in {int, bool, type(None)}:
        assert value == yaml.safe_load(text)


def test_a_long_scalar_takes_no_time_to_speak_of() -> None:
    """No expression goes back and forth: a megabyte of digits ends at once, and is no huge int."""
    digits = "1" * 1_000_000
    assert resolve(digits) == Unquoted(digits, "a number")
    assert resolve(digits + "x") == digits + "x"
    assert resolve("1" + ":30" * 300_000 + "x").__class__ is str
