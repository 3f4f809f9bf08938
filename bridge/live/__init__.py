"""Calls in progress: one session a call, between two sockets, driven by the rules in `bridge/call`."""
