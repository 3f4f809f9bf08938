"""What can be wrong with a call, one kind of trouble a rule; `observe.explain` asks them all."""
