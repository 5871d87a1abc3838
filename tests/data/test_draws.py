"""Draws by key: the same whatever comes around them, in the ratio asked for, whole groups only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.draws import allotted, divided, drawing, first_of_each

SOME = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 500)), min_size=1, max_size=6)


def test_a_draw_depends_on_seed_purpose_and_key_alone() -> None:
    draw = drawing(3, "choose")
    assert draw(b"a") == drawing(3, "choose")(b"a") != draw(b"b")
    assert len({drawing(seed, why)(b"a") for seed in range(5) for why in ("choose", "shuffle")}) == 10


@given(SOME)
def test_without_a_total_the_ratio_is_kept_and_one_part_is_used_up(parts: list[tuple[int, int]]) -> None:
    shares, have = [share for share, _ in parts], [count for _, count in parts]
    counts = allotted(shares, have, None)
    assert all(0 <= count <= most for count, most in zip(counts, have, strict=True))
    largest = min(most * sum(shares) / share for share, most in zip(shares, have, strict=True))
    assert largest - 1 < sum(counts) <= largest + 1e-6
    exact = [sum(counts) * share / sum(shares) for share in shares]
    assert all(abs(count - want) < 1 for count, want in zip(counts, exact, strict=True))


@given(SOME, st.integers(1, 4000))
def test_a_total_is_met_where_there_is_enough(parts: list[tuple[int, int]], total: int) -> None:
    shares, have = [share for share, _ in parts], [count for _, count in parts]
    counts = allotted(shares, have, total)
    assert sum(counts) == min(total, sum(have))
    assert all(0 <= count <= most for count, most in zip(counts, have, strict=True))


def test_a_part_that_is_short_gives_all_and_the_others_fill_up() -> None:
    assert allotted([2, 1], [1495, 490], 1500) == [1010, 490]
    assert allotted([2, 1], [1500, 1500], 1500) == [1000, 500]
    assert allotted([1, 1, 2], [5, 100, 100], 100) == [5, 32, 63]


@given(
    st.dictionaries(st.integers(), st.integers(1, 6), max_size=40), st.lists(st.integers(0, 30), max_size=3)
)
def test_rooms_are_filled_as_far_as_whole_groups_go(sizes: dict[int, int], rooms: list[int]) -> None:
    places = divided(sizes, rooms, sorted(sizes))
    filled = [
        sum(sizes[group] for group, place in places.items() if place == room) for room in range(len(rooms))
    ]
    assert all(have <= most for have, most in zip(filled, rooms, strict=True))
    outside = [sizes[group] for group in sizes if group not in places]
    free = max((most - have for have, most in zip(filled, rooms, strict=True)), default=0)
    assert not outside or min(outside) > free


def test_the_first_of_each_label_stay_and_what_has_none() -> None:
    things = ["a1", "b1", "-", "a2", "a3", "-", "-", "b2"]
    kept = first_of_each(things, lambda thing: None if thing == "-" else thing[0], 2)
    assert kept == ["a1", "b1", "-", "a2", "-", "-", "b2"]
