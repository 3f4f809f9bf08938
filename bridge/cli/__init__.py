"""The command `callbridge`: main.py and one file a verb. Nothing heavy is imported before its verb is used."""
