"""What a call is. Theory of operation; read this before any rule, and change it with the rule.

**Three verbs.** `CallCore.receive(event, now)` says what follows from an event; `deadline()` says when `wake(now)` must
be called at the latest; both return commands that the driver carries out in order, without an await between the event
and its last command. Nothing here waits, reads a clock or touches a socket, so a call can be replayed from its events
and their times, and every test jumps through time. What comes most often has a shorter way to the same decision: `hear`
for the caller's frames, `speak` (and `began`) for the agent's sound, which leaves before anything is told of it.

**A call is two legs and an intent** (`phases.py`). The phone leg is awaited, on, away or gone: Twilio cannot send keys,
hold or redirect inside a stream, each of these ends the stream and a new one returns, so a call outlives its streams.
The model leg is opening, up or lost. The intent is to talk, to leave, or to hand the caller over. What people see
(RINGING, CONNECTING, TALKING, AWAY, LEAVING, ENDED) is read off the three. Every state has a deadline (`limits.py`).

**The model is there before the caller.** Its socket opens with the webhook; its configuration is sent as one complete
object and checked in the answer before anything is said (greeting first and format second is static on the line). The
greeting is asked for at once and kept by the ledger until the phone is on. Caller audio that comes before the model is
ready is kept, newest 2 s.

**Who may speak** (`floor.py`). The caller always may. When the model's turn detection says that the caller began, or a
key is pressed (or a line is typed, in a browser) while the agent is heard, the agent loses the floor: unsent audio is
dropped, the phone is cleared, the item being heard is truncated where it was heard, items queued behind it at 0, and
whatever still arrives for them is dropped. The order is: phone first (Flush), model second (Truncate), people third
(facts). This also happens when the model finished generating long ago: it generates five to ten times faster than a
phone plays.

**What "heard" means** (`playback.py`). The phone returns a mark when everything before it was played, or at once when
it was cleared; only marks of the present generation count. Between marks the clock fills in, never beyond the next
mark that has not come back, and after a pause not before the first one (how late a phone begins nobody knows). When a
leg is lost and the call goes on, the model is told what was heard by the same Truncate. Everything is counted in the
phone's audio: mu-law, 8 bytes a millisecond.

**One response at a time** (`responses.py`). The server refuses a second one. Greeting, key entries, typed lines and
tool results ask through one gate; requests coalesce and wait for `response.done`; when the caller speaks, what was
wanted is forgotten, because the server will answer the caller and all that is in the conversation by then.

**In doubt** (`floor.py`, `playback.py` `hold` and `release`). With terms that allow for it a sound of the caller stops
the agent at once, and only words (or a sound that goes on) make it an interruption: flush, resend and truncate are
three decisions. Until it is decided the ledger keeps what was not heard, and what still comes (of music that has served
its purpose nothing, but the doubt goes on); when it was nothing the phone gets all of it, from the very sample on,
under new marks, and the model is told nothing. The server must not decide the same thing by itself, so it neither
interrupts nor answers on its own in such a call.

**Tools** (`tool_side.py`, `toolcalls.py`, `waiting.py`). Each call the model makes is answered once, be it by a value,
an error or a time-out; the model speaks about it once, when the last one has returned. The same call again, without a
word of the caller between, is not run again but answered with what the first one brought; the fifth time it is a loop,
and the call ends kindly. What the model's own service runs (MCP servers it was told of) is nothing of ours but for one
thing: no response follows by itself, so one is asked for. A tool that takes longer than 0.8 s is announced in its own
words, then hummed about, or music plays until it returns: sounds of ours go through the ledger like the model's, under
names that it is never told of.

**The house** (`house_side.py`, `keypad.py`, `silences.py`). What is looked up about a caller is waited for before the
session is configured. Another agent of the team takes over by one complete configuration, sent before the tool's
result; a guardrail cuts like a caller does, and cancels too; words that have to be said as they stand wait in a line of
their own. Silence is asked into, once for each question there is, before it is left.

**Leaving** (`departure.py`). "Goodbye" must be heard: a call ends when nothing is being generated or wanted, no tool is
open and the last mark came back, not at `response.done`. An agent that hangs up on the caller's last word is asked for
one goodbye first. `End` comes once and last; what was still in the air is written down as it was heard.

**Handing over** is leaving, with a way back. When all is heard the phone leg is away (`HandOver`); the carrier connects
the caller to somebody else, and only when that person is there (`HandedOver`) the call ends. When nobody takes the
caller (`HandOverFailed`) the intent is to talk again, the leg returns, and the agent says so. A person who is told
first who is calling is rung while the caller is still here, waiting for a tool like any other. Nobody needs a model to
be handed over: when it fails, or has more to say than there is time for, they go all the same; only the way back ends
with the apology then.

**An outbound call opens** (`opening.py`, `answering.py`) with whoever picks up. The greeting is generated at the
pick-up and held by the ledger; a judge of what the line sounds like, of the words on it and of the carrier's opinion
lets it go with the frame that ends their first pause. Until then their words are heard and not answered, the server
takes no turns (`turn_taking.py`), and a machine gets a message after its beep, or nothing (`voicemail.py`). Better
evidence may turn a verdict until there was a dialogue.

**Time zero** of a call is the moment its phone was first attached; all `_ms` in facts count from there, as the
recording does.
"""
