"""Which part of the emulator a message is for: AWS's API, the console page, or control as JSON."""

import logging
import threading
from urllib.parse import parse_qs, urlsplit

from reconciler.emulator import console, control_api
from reconciler.emulator.control import Control
from reconciler.emulator.errors import ControlError
from reconciler.emulator.http import Message, Reply
from reconciler.emulator.service import Service

_log = logging.getLogger(__name__)

_PREFIX = "/_emulator/"
_LOCAL_NAMES = {"127.0.0.1", "localhost"}


class Router:
    """Answers every message; nothing that goes wrong inside leaves it as an exception."""

    def __init__(self, service: Service, control: Control, closing: threading.Event) -> None:
        """Once `closing` is set the store may be gone at any time."""
        self._service = service
        self._control = control
        self._closing = closing

    def answer(self, message: Message) -> Reply:
        """The reply to any message."""
        path = message.path.partition("?")[0]
        page = message.method in {"GET", "HEAD"} and path == "/"
        ours = page or path.startswith(_PREFIX)
        try:
            # SDKs send no Origin, and may reach this machine under a name of their own.
            if ours or "origin" in message.headers:
                refusal = _foreign(message)
                if refusal is not None:
                    return control_api.reply(403, {"error": refusal})
            if not ours:
                return self._service.answer(message)
            if page:
                return console.page(self._control.everything())
            if path == console.APPROVE_PATH:
                return self._approve_on_page(message)
            return control_api.answer(self._control, message, path.removeprefix(_PREFIX))
        except Exception:  # noqa: BLE001 - a client gets an answer, whatever broke here
            if self._closing.is_set():
                return Reply(503, "text/plain", b"", ending="eof")
            _log.exception("no answer to %s %s", message.method, message.path)
            code = "com.amazon.coral.service#InternalFailure"
            content = {"__type": code, "Message": "The emulator failed; see its log."}
            return control_api.reply(500, content)

    def _approve_on_page(self, message: Message) -> Reply:
        if message.method != "POST":
            return control_api.reply(405, {"error": "use POST"})
        target = parse_qs(message.body.decode(errors="replace")).get("target", [""])[0]
        try:
            self._control.approve(target)
        except ControlError as error:
            return console.page(self._control.everything(), str(error), 409)
        return Reply(303, "text/plain", b"", {"Location": "/"})


def _foreign(message: Message) -> str | None:
    """Why a request may come from another site's page; None when it does not.

    A page of another site can make a browser send requests here: under its own name with an address
    that leads here (DNS rebinding), or by a form to this address.
    """
    host = message.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _LOCAL_NAMES:
        return f"the Host {host!r} is not this machine"
    origin = message.headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return f"the Origin {origin!r} is another site"
    site = message.headers.get("sec-fetch-site", "none")
    if message.method == "POST" and site not in {"same-origin", "none"}:
        return "the request comes from another site"
    return None
