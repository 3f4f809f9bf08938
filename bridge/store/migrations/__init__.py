"""How the schema became what it is, one step a file in `versions/`. A released step is never changed.

`schema.py` runs them on a connection it has; nothing here opens one. To write the next one: change `tables.py`, add
`versions/rNNNN_what.py` in the words of Alembic, name it in `schema.KNOWN`; `tests/store/test_schema.py` says when both
agree.
"""
