"""What a call costs: see README.md."""
