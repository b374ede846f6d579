"""A local AWS CodeConnections for development and tests: settings in, a server on 127.0.0.1 out.

It shares no code with the rest of the program: it is a second opinion on how AWS behaves.
"""

from reconciler.emulator.control import Approvable, Control
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.errors import ControlError
from reconciler.emulator.faults import Fault
from reconciler.emulator.requests import Request
from reconciler.emulator.settings import Quotas, Settings
from reconciler.emulator.store import StoreError

__all__ = [
    "Approvable",
    "Control",
    "ControlError",
    "Emulator",
    "Fault",
    "Quotas",
    "Request",
    "Settings",
    "StoreError",
]
