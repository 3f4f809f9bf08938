"""The Realtime protocol seen from the server: one session, its conversation, its responses, its rules and errors."""
