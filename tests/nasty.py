"""Texts that do something where they are shown carelessly, and every character that ever does."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence

# fmt: off
WORST = [
    "\x1b[31mred\x1b]0;title\x07", "line\n::error::broken", "cr\r::warning::x",
    "bidi\u202e\u2066gnp.exe", "c1\x9b31m", "nel\x85ls\u2028ps\u2029", "##[error]stop",
    "##vso[task.complete]", "a ##[add-path]b", "<b>&amp;</b>",
]
"""One of each sort, for what is too slow to be done with all of them."""
_ESCAPES = [
    "\x1b", "\x1b[", "\x1b[2J", "\x1b[H", "\x1b[3J", "\x1b[1000D", "\x1b[5A", "\x1b[1;1H",
    "\x1b[35m", "\x1b[4;5;7m", "\x1b[38;2;1;2;3m", "\x1b[?1049h", "\x1b[?25x", "\x1b[6n",
    "\x1b[20t", "\x1b[4i", "\x1b[?2004h", "\x1b[>0c", "\x1bc", "\x1b7", "\x1b8", "\x1b#8",
    "\x1b(0", "\x1b]0;t\x07", "\x1b]2;t\x1b\\", "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\", "\x1b]1337;File=:AA==\x07", "\x1b]4;1;?\x07",
    "\x1bP$q\x1b\\", "\x1bPq#0\x1b\\", "\x1b_G\x1b\\", "\x1b^x\x1b\\", "\x1bXx\x1b\\", "\x9b2J",
    "\x9d0;t\x9c", "\x90$q\x9c", "\x9f\x9c", "\x8f", "\x84",
]
_LINES = [
    "a\nb", "a\rb", "a\r\nb", "a\n\rb", "a\x0bb", "a\x0cb", "a\x1cb", "a\x1db", "a\x1eb", "a\x85b",
    "a\u2028b", "a\u2029b", "\n", "\r", "\n\n\n", "a\n", "\na", "a\x08\x08\x08b", "a\tb", "a\x7fb",
    "\x00", "a\x00b", "\x07", "\x0e\x0f", "\x11\x13", "\x1a", "\x04",
]
_INVISIBLE = [
    "a\u200bb", "a\u200cb", "a\u200db", "\u200e", "\u200f", "a\u2060b", "a\ufeffb", "\ufeff",
    "a\xadb", "\u061c", "\u180e", "\u202aa\u202c", "\u202b", "\u202d", "\u202eabc",
    "\u2066a\u2069", "\u2067", "\u2068", "\u2069", "\U000e0001", "\U000e0041\U000e007f",
    "\ufff9a\ufffab\ufffb", "\ud800", "\udfff", "a\udc80b", "\udcff\udcfe", "\ud83d",
    "\ude00\ud83d",
]
_COMMANDS = [
    "::error::x", "::warning file=a,line=1::x", "::set-output name=a::b", "::add-mask::a",
    "::stop-commands::t", "::group::g", "::endgroup::", "::debug::x", "  ::error::x",
    "\t::error::x", "::", ":::", "##[error]x", "##[group]g", "##[command]c", "###[error]x",
    "##vso[task.setvariable]", "##teamcity[x]", "a##[warning]b", "%0A::error::x",
    "%0D%0A##[error]x", "\u2028::error::x",
]
_MARKUP = [
    "[bold]x[/bold]", "[/]", "[link=http://x]y[/link]", "[red", "[[x]]", "\\[x]", "{x}", "{0}",
    "%s", "%(a)s", "${HOME}", "$(id)", "`id`", "{{7*7}}", "<script>alert(1)</script>",
    "<!-- x -->", "|a|b|", "```", "~~~", "</details>", "@everyone", "#1",
    "[x](javascript:alert(1))", "![](http://x)", "\"", "'", "\\", "\\\"", "\\u001b[31m", "\\x1b",
    "&#27;[31m", "=1+1", "+1", "-1", "@SUM(A1)", "'; DROP TABLE x; --", "../../etc/passwd", "null",
    "true", "NaN", "e\u0301", "\U0001f600", "\uff41",
]
# fmt: on
TEXTS = [*dict.fromkeys([*WORST, *_ESCAPES, *_LINES, *_INVISIBLE, *_COMMANDS, *_MARKUP])]


def texts_with(chars: Sequence[str]) -> list[str]:
    """Texts that hold all of them, sixteen in each; no two halves of a pair make a pair."""
    starts = range(0, len(chars), 16)
    return ["".join(f"x{char}" for char in chars[start : start + 16]) for start in starts]


_BY_CATEGORY: dict[str, list[str]] = {}
for _char in map(chr, range(sys.maxunicode + 1)):
    _BY_CATEGORY.setdefault(unicodedata.category(_char), []).append(_char)
HIDDEN = sorted(char for name in ("Cc", "Cf", "Zl", "Zp") for char in _BY_CATEGORY[name])
"""Every control, format and separating character."""
HALVES = _BY_CATEGORY["Cs"]
"""Every half of a surrogate pair; `TEXTS` has some of them."""
EVERYTHING = [*TEXTS, *texts_with(HIDDEN)]
