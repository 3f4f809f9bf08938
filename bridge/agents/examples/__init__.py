"""Agents to start from. `reception` answers when no other agent is named."""
