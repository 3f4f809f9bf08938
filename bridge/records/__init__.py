"""What we keep of a call: its record, its transcript, its recording, its cost. Subscribers; no call waits for them."""
