"""What survives a restart: each call's folder of files. The database comes with outbound calls."""
