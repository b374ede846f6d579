"""The console page: hosts and connections in, HTML with a button for each pending one out."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from reconciler.emulator.control import Approvable
from reconciler.emulator.http import Reply

APPROVE_PATH = "/_emulator/console/approve"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .7rem; vertical-align: top; }
th, td { border-bottom: 1px solid #8886; }
code { font-size: .85em; overflow-wrap: anywhere; }
small { opacity: .75; }
button { font: inherit; padding: .2rem .8rem; cursor: pointer; }
form { display: inline; }
.notice { border-left: 4px solid #d29922; padding: .4rem .8rem; }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers would send Origin: null even to ourselves.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of the page: no script runs, whatever a name contains."""


def page(things: Sequence[Approvable], notice: str | None = None, status: int = 200) -> Reply:
    """The page; `notice` is a text above the tables, such as why an approval was refused."""
    things = sorted(things, key=lambda one: not one.pending)
    connections = [one for one in things if one.kind == "connection"]
    hosts = [one for one in things if one.kind == "host"]
    waiting = sum(one.pending for one in things)
    html = "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta http-equiv="refresh" content="5;url=/">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Local CodeConnections</title><style>{_STYLE}</style></head><body>",
            f"<h1>Local CodeConnections</h1><p>{waiting} waiting for approval.</p>",
            f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else "",
            _table("Connections", connections),
            _table("Hosts", hosts),
            "</body></html>",
        )
    )
    return Reply(status, "text/html; charset=utf-8", html.encode(errors="replace"), HEADERS)


def _table(title: str, things: Iterable[Approvable]) -> str:
    rows = "".join(_row(one) for one in things)
    if not rows:
        return f"<h2>{title}</h2><p>None.</p>"
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Name", "Provider", "Status", ""))
    return f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(one: Approvable) -> str:
    message = f"<br><small>{escape(one.message)}</small>" if one.message else ""
    button = (
        f'<form method="post" action="{APPROVE_PATH}">'
        f'<input type="hidden" name="target" value="{escape(one.arn)}">'
        f'<button aria-label="Approve {escape(one.name)}">Approve</button></form>'
        if one.pending
        else ""
    )
    return (
        f"<tr><td><bdi>{escape(one.name)}</bdi><br><code>{escape(one.arn)}</code></td>"
        f"<td>{escape(one.provider_type)}</td>"
        f"<td>{escape(one.status)}{message}</td><td>{button}</td></tr>"
    )
