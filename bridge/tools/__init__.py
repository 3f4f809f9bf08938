"""What the model may do: Python functions as tools, the telephone's own verbs, and the runner that answers for them."""
