"""The innards of the pretend phone company: what it signs, asks, plays, refuses and answers."""
