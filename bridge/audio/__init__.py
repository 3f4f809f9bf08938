"""Sound: bytes in, bytes out. The phone speaks mu-law at 8 kHz, a Realtime model usually PCM16 at 24 kHz."""
