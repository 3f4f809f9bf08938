"""Outbound: one call or ten thousand. Nobody twice, nobody forgotten, nobody at night, nobody who said no."""
