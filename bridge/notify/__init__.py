"""Telling the outside what happens, by Standard Webhooks 1.0.0.

What happens is written down where it happens (`store/webhooks.py`): one row for each message and endpoint, in the same
transaction. `courier.py` is the one loop that sends; what follows from an answer is decided by `schedule.py`, which
knows no clock; `signature.py` signs. A message's id is the same in every attempt, so that who is told twice notices.
"""
