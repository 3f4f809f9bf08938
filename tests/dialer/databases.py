"""The databases of the store's tests, for the dialer's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    "databases_of_store", Path(__file__).parents[1] / "store" / "conftest.py"
)
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _MODULE
_SPEC.loader.exec_module(_MODULE)

Server = _MODULE.Server
empty_schema = _MODULE.empty_schema
own_server = _MODULE.own_server
postgres = _MODULE.postgres
programs = _MODULE.programs
