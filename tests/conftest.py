"""What tests of several folders ask for: one PostgreSQL for all of a process's tests."""

from postgres_server import postgres  # noqa: F401  # a fixture is found by its name here
