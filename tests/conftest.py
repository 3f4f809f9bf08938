"""What tests of several folders ask for: one PostgreSQL for all of a process's tests."""

import signal

from postgres_server import postgres  # noqa: F401  # a fixture is found by its name here

# A shell that starts the tests in the background has them ignore Ctrl+C, and with them every command they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
