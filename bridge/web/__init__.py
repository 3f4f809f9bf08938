"""HTTP and WebSockets: a public listener for the carrier, an admin listener for people."""
