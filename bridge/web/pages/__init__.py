"""The pages of the console, one file each: a class with handlers, given what it needs."""
