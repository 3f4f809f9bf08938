"""The playback ledger, as tables of arrivals with what it says after each."""

from __future__ import annotations

import pytest
from call_story import voice

from bridge.call.playback import CHUNK, CREDIT_S, FRAME, Chunk, Playback

PART = ("resp_1", "item_1", 0)


def on_line(at: float = 0.0) -> Playback:
    ledger = Playback()
    ledger.attach(at)
    return ledger


def sizes(chunks: list[Chunk]) -> list[int]:
    return [len(c.audio) for c in chunks]


@pytest.mark.parametrize(
    ("deltas", "sent"),
    [
        ([200], [[160, 1440]]),
        ([10, 10, 10, 30], [[], [160], [], [320]]),
        ([19], [[]]),
        ([20], [[160]]),
        ([500], [[160, 1600, 1600, 640]]),
        ([25, 25, 200], [[160], [160], [1600]]),
        ([0], [[]]),
    ],
)
def test_audio_goes_out_in_whole_frames(deltas: list[int], sent: list[list[int]]) -> None:
    ledger = on_line()
    assert [sizes(ledger.add(PART, voice(ms), ms, 0.0)) for ms in deltas] == sent


def test_the_last_frame_is_filled_with_silence_that_is_nobodys_words() -> None:
    ledger = on_line()
    first = ledger.add(PART, voice(25), 25.0, 0.0)
    last = ledger.finish("item_1", 0, 0.0)
    assert b"".join(c.audio for c in first + last) == voice(25) + b"\xff" * 120
    assert [c.size for c in first + last] == [160, 40]
    assert ledger.finish("item_1", 0, 0.0) == []
    ledger.confirm(last[-1].mark, 0.04)
    assert ledger.take_complete()[0].heard_ms == 25
    assert not ledger.open


def test_finishing_what_never_came_sends_nothing() -> None:
    ledger = on_line()
    assert ledger.finish("item_9", 0, 0.0) == []
    assert ledger.finish_response("resp_9", 0.0) == []


def test_a_responses_end_finishes_each_of_its_parts() -> None:
    ledger = on_line()
    ledger.add(PART, voice(5), 5.0, 0.0)
    ledger.add(("resp_1", "item_2", 0), voice(5), 5.0, 0.0)
    ledger.add(("resp_2", "item_3", 0), voice(5), 5.0, 0.0)
    assert [c.track.item_id for c in ledger.finish_response("resp_1", 0.0)] == ["item_1", "item_2"]


def test_heard_position_between_and_at_marks() -> None:
    """One frame, then 200 and 80 ms, on a phone that begins 60 ms late: the table of what may be said when."""
    ledger = on_line()
    chunks = ledger.add(PART, voice(300), 300.0, 0.0)
    assert sizes(chunks) == [160, 1600, 640]

    def heard(now: float) -> int:
        return ledger.heard_ms("item_1", 0, now)

    assert [heard(0.0), heard(0.05), heard(0.079)] == [0, 0, 0]  # how late this phone begins nobody knows yet
    ledger.confirm(chunks[0].mark, 0.080)
    assert ledger.lag_s == pytest.approx(0.060)
    assert [heard(0.080), heard(0.130), heard(0.278)] == pytest.approx([20, 70, 218], abs=1)
    assert heard(9.0) == 220  # never beyond the mark that has not come back
    ledger.confirm(chunks[2].mark, 0.360)  # the second mark is lost; the third stands for both
    assert heard(9.0) == 300


def test_a_phone_whose_marks_wait_for_its_ticks_is_given_some_of_the_wait() -> None:
    ledger = on_line()
    chunks = ledger.add(PART, voice(420), 420.0, 0.0)
    for chunk in chunks[:2]:
        ledger.confirm(chunk.mark, chunk.ends_at + 0.018, ticked=True)
    now = chunks[1].ends_at + 0.018
    assert ledger.heard_ms("item_1", 0, now) == 220 + CREDIT_S * 1000
    ledger.confirm(chunks[2].mark, chunks[2].ends_at + 0.018)
    ledger.add(PART, voice(400), 400.0, chunks[2].ends_at)
    assert ledger.heard_ms("item_1", 0, chunks[2].ends_at + 0.018) == 420, "one mark between ticks: no such phone"


def test_a_long_wait_between_deltas_is_a_pause_of_its_own() -> None:
    ledger = on_line()
    first = ledger.add(PART, voice(20), 20.0, 0.0)
    later = ledger.add(PART, voice(400), 400.0, 5.0)  # the first mark is still out
    assert sizes(first + later) == [FRAME, FRAME, CHUNK, 1440]
    assert [c.joined for c in first + later] == [False, False, True, True]


def test_only_marks_of_this_generation_count() -> None:
    ledger = on_line()
    old = ledger.add(PART, voice(220), 220.0, 0.0)
    sounded, cut = ledger.flush(0.010)
    assert (sounded, [t.heard_ms for t in cut]) == ([], [0])
    assert ledger.generation == 1
    assert ledger.confirm(old[0].mark, 0.011) == []
    assert ledger.confirm("never heard of", 0.011) == []
    new = ledger.add(("resp_2", "item_2", 0), voice(20), 20.0, 1.0)
    assert ledger.confirm(old[1].mark, 1.001) == []
    assert ledger.confirm(new[0].mark, 1.020)[0].audio == voice(20)


def test_a_flush_mutes_what_it_cuts_and_nothing_else() -> None:
    ledger = on_line()
    chunks = ledger.add(PART, voice(220), 220.0, 0.0)
    ledger.finish("item_1", 0, 0.0)
    ledger.add(("resp_1", "item_0", 0), voice(20), 20.0, 0.0)
    ledger.confirm(chunks[-1].mark, 0.220)  # item_1 is wholly heard, item_0 is not
    _, cut = ledger.flush(0.225)
    assert [t.item_id for t in cut] == ["item_0"]
    assert [t.item_id for t in ledger.take_complete()] == ["item_1"]
    assert ledger.add(("resp_1", "item_0", 0), voice(20), 20.0, 0.3) == []
    assert sizes(ledger.add(("resp_1", "item_7", 0), voice(20), 20.0, 0.3)) == [160]
    ledger.mute("resp_1")
    ledger.mute("")
    assert ledger.add(("resp_1", "item_8", 0), voice(20), 20.0, 0.3) == []
    assert not ledger.muted("", "item_9")


def test_a_heard_item_that_is_still_being_generated_is_cut_where_it_stands() -> None:
    ledger = on_line()
    (chunk,) = ledger.add(PART, voice(20), 20.0, 0.0)
    ledger.confirm(chunk.mark, 0.020)
    assert not ledger.busy
    sounded, cut = ledger.flush(0.5)
    assert (sounded, cut[0].heard_ms) == ([], 20)


def test_without_a_phone_audio_is_kept_and_nothing_is_heard() -> None:
    ledger = Playback()
    assert ledger.add(PART, voice(420), 420.0, 0.0) == []
    assert (ledger.busy, ledger.heard_ms("item_1", 0, 9.0)) == (True, 0)
    kept = ledger.attach(7.0)
    assert b"".join(c.audio for c in kept) == voice(420)
    assert (kept[0].starts_at, [c.joined for c in kept]) == (7.0, [False, True, True])
    assert ledger.quiet_at() == pytest.approx(7.42)


def test_a_mark_that_comes_while_no_phone_is_there_confirms_nothing() -> None:
    ledger = on_line()
    chunks = ledger.add(PART, voice(20), 20.0, 0.0)
    ledger.line_on = False
    assert ledger.confirm(chunks[0].mark, 0.02) == []


def test_truncation_never_goes_beyond_what_the_model_counts() -> None:
    """The converter's filter adds 2 ms of sound that the model never counted."""
    ledger = on_line()
    chunks = ledger.add(PART, voice(22), 20.0, 0.0) + ledger.finish("item_1", 0, 0.0)
    ledger.confirm(chunks[-1].mark, 0.040)
    assert ledger.heard_ms("item_1", 0, 0.040) == 20
    assert ledger.take_complete()[0].heard_ms == 20


def test_what_is_asked_of_an_empty_ledger() -> None:
    ledger = on_line()
    assert (ledger.busy, ledger.open, ledger.quiet_at(), ledger.heard_ms("item_1", 0, 1.0)) == (False, False, 0.0, 0)
    assert ledger.flush(1.0) == ([], [])


def test_stretches_that_follow_each_other_are_told_without_a_gap() -> None:
    """Marks wobble; the recording must not."""
    ledger = on_line()
    chunks = ledger.add(PART, voice(420), 420.0, 0.0)
    first = ledger.confirm(chunks[0].mark, 0.035)[0]
    second = ledger.confirm(chunks[1].mark, 0.229)[0]
    third = ledger.confirm(chunks[2].mark, 0.441)[0]
    assert first.at == pytest.approx(0.015)
    assert [second.at, third.at] == pytest.approx([0.035, 0.235])
    assert [third.track.began_at, third.track.ended_at] == pytest.approx([0.015, 0.435])


def test_mark_names_never_repeat_even_for_two_parts_of_one_item() -> None:
    ledger = on_line()
    marks = []
    for index in range(3):
        for ms in (20, 0.5):
            audio = voice(20)[: int(ms * 8)]
            marks += [c.mark for c in ledger.add(("resp_1", "item_1", index), audio, ms, 0.0)]
        marks += [c.mark for c in ledger.finish("item_1", index, 0.0)]
    assert len(marks) == len(set(marks)) == 6
