"""What we measure and show: logs and each call's timeline. Subscribers; no call waits for them."""
