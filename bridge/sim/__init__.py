"""A pretend world: a strict phone company, its callers, a local speech model, a bad network and virtual time."""
