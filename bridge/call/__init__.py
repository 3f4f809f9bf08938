"""What a call is. Theory of operation; read this before any rule, and change it with the rule.

**Three verbs.** `CallCore.receive(event, now)` says what follows from an event; `deadline()` says when `wake(now)` must
be called at the latest; both return commands that the driver carries out in order, without an await between the event
and its last command. Nothing here waits, reads a clock or touches a socket, so a call can be replayed from its events
and their times, and every test jumps through time.

**A call is two legs and an intent** (`phases.py`). The phone leg is awaited, on, away or gone: Twilio cannot send keys,
hold or redirect inside a stream, each of these ends the stream and a new one returns, so a call outlives its streams.
The model leg is opening, up or lost. The intent is to talk, to leave, or to hand the caller over. What people see
(RINGING, CONNECTING, TALKING, AWAY, LEAVING, ENDED) is read off the three. Every state has a deadline (`limits.py`).

**The model is there before the caller.** Its socket opens with the webhook; its configuration is sent as one complete
object and checked in the answer before anything is said (greeting first and format second is static on the line). The
greeting is asked for at once and kept by the ledger until the phone is on. Caller audio that comes before the model is
ready is kept, newest 2 s.

**Who may speak** (`floor.py`). The caller always may. When the model's turn detection says that the caller began, or a
key is pressed while the agent is heard, the agent loses the floor: unsent audio is dropped, the phone is cleared, the
item being heard is truncated where it was heard, items queued behind it at 0, and whatever still arrives for them is
dropped. The order is: phone first (Flush), model second (Truncate), people third (facts). This also happens when the
model finished generating long ago: it generates five to ten times faster than a phone plays.

**What "heard" means** (`playback.py`). The phone returns a mark when everything before it was played, or at once when
it was cleared; only marks of the present generation count. Between marks the clock fills in, never beyond the next
mark that has not come back, and after a pause not before the first one (how late a phone begins nobody knows). When a
leg is lost and the call goes on, the model is told what was heard by the same Truncate. Everything is counted in the
phone's audio: mu-law, 8 bytes a millisecond.

**One response at a time** (`responses.py`). The server refuses a second one. Greeting, key entries and tool results
ask through one gate; requests coalesce and wait for `response.done`; when the caller speaks, what was wanted is
forgotten, because the server will answer the caller and all that is in the conversation by then.

**Tools** (`tool_side.py`, `toolcalls.py`). Each call the model makes is run once and answered once, be it by a value,
an error or a time-out; the model speaks about it once, when the last one has returned.

**Leaving** (`departure.py`). "Goodbye" must be heard: a call ends when nothing is being generated or wanted, no tool is
open and the last mark came back, not at `response.done`. An agent that hangs up on the caller's last word is asked for
one goodbye first. `End` comes once and last; what was still in the air is written down as it was heard.

**Time zero** of a call is the moment its phone was first attached; all `_ms` in facts count from there, as the
recording does.
"""
