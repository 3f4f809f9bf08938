"""Every operation of the admin API: whom it is for, what it takes, what it answers. A test holds it true to
`routes.py`, and schemathesis holds the handlers true to it.

What every operation may answer (401, 403, 503) is said in `openapi.py`; here stands what is its own. A route of the API
joins by an entry of one of these files.
"""

from __future__ import annotations

from typing import Final

from bridge.web.operations.base import Operations
from bridge.web.operations.calls import calls
from bridge.web.operations.campaigns import campaigns
from bridge.web.operations.do_not_call import do_not_call
from bridge.web.operations.house import house
from bridge.web.operations.setup import setup

OPERATIONS: Final[Operations] = {**calls(), **campaigns(), **do_not_call(), **house(), **setup()}
