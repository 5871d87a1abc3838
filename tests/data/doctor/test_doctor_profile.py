"""The figures of a file: lengths, registers and counts add up, whatever the file."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.data.doctor.profile import NUM_BARS, Profiler, lengths_of
from dajeong.records import Dialogue, Message, Preference, Response


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=200))
def test_lengths_are_those_of_the_sorted_list(lengths: list[int]) -> None:
    found, ordered = lengths_of(Counter(lengths)), sorted(lengths)
    assert (found.n, found.shortest, found.longest) == (len(lengths), ordered[0], ordered[-1])
    for share, value in ((0.05, found.p5), (0.5, found.median), (0.95, found.p95)):
        reached = sum(length <= value for length in lengths)
        below = sum(length < value for length in lengths)
        assert value in lengths and below < share * len(lengths) + 1e-6 <= reached + 2e-6
    assert abs(found.mean - sum(lengths) / len(lengths)) < 1e-9


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=200))
def test_every_text_stands_in_one_bar(lengths: list[int]) -> None:
    bars = lengths_of(Counter(lengths)).bars
    assert sum(bar.count for bar in bars) == len(lengths) and len(bars) <= NUM_BARS
    for bar, following in zip(bars, bars[1:], strict=False):
        assert bar.count == sum(bar.start <= length < following.start for length in lengths)


def test_kinds_licences_and_registers_are_counted() -> None:
    asked = Message(role="user", content="뭐 해요?")
    profiler = Profiler()
    for number, (kind, answer) in enumerate([("talk", "쉬어요."), ("talk", "쉬어."), ("general", "쉽니다.")]):
        messages = (asked, Message(role="assistant", content=answer))
        profiler.see(Dialogue(id=str(number), kind=kind, licence="MIT", source="a", messages=messages))
    profiler.see(Dialogue(id="p", kind="talk", messages=(asked,)))
    responses = (Response(content="그래요."), Response(content="그래."))
    profiler.see(Preference(id="r", kind="talk", prompt=(asked,), responses=responses, ranking=((0,), (1,))))
    found = profiler.profile(files=("f",), source="a", rows=5, rejected=0, rejects={}, left_out={})
    assert (found.records, found.preferences, found.prompts_only) == (5, 1, 1)
    assert found.by_kind == {"talk": 4, "general": 1} and found.by_licence == {"MIT": 3, "": 2}
    assert found.lengths["prompt"].n == 5 and found.lengths["answer"].n == 5
    assert found.lengths_by_kind["general"]["answer"].n == 1
    assert found.registers[""] == {"haeyo": 2, "banmal": 2, "hapsho": 1}
    assert sum(found.registers["talk"].values()) == 4
