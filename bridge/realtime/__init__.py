"""The model's socket: one protocol in two dialects, one door to the network."""
