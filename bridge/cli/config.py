"""`callbridge config show`."""

from __future__ import annotations

import json

from bridge import config


def show(*, as_json: bool) -> None:
    """Print every setting with its source; secrets masked."""
    rows = config.load().rows()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    # A setting's text is text: [/prefix] in it is no markup.
    table = Table("setting", "value", "source", "meaning", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["value"], row["source"], row["why"])
    Console(markup=False, highlight=False).print(table)
