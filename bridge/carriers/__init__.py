"""One folder per phone company: its wire, its REST side, its webhooks. The same file names in each."""
