"""callbridge: a speech-to-speech model on the telephone. The names here are the public ones; nothing else is promised."""
