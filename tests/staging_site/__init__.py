"""A small web product whose every fault is a named switch: what the tests and the demo validate."""

from .app import create_app
from .faults import FAULTS, Fault, UnknownFaultError, parse_faults

__all__ = ["FAULTS", "Fault", "UnknownFaultError", "create_app", "parse_faults"]
