"""Makes any text safe to show: live names and file contents may be hostile; printable text on one
line comes out."""

from __future__ import annotations

import re

_COMMAND = re.compile(r"##(?=\w*\[)")
"""Build logs obey `##[command]`, `##vso[command]` and the like anywhere in a line:
https://github.com/actions/runner (ActionCommand), https://github.com/microsoft/azure-pipelines-agent."""

_COLONS = re.compile(r"^(\s*):(?=:)")
"""Some obey `::command::` too, where a line begins with it."""


def safe(text: str) -> str:
    r"""The text with every character a terminal would act on (controls, line ends, bidi marks, lone
    surrogates) written as its escape, such as `\x1b`."""
    text = _COLONS.sub(r"\1\\x3a", _COMMAND.sub(r"#\\x23", text))
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
