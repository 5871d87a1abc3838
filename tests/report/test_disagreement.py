"""Which prompts are shown first: those whose judgements lie furthest apart, by what they are asked for."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from invented_run import replies, score, scores

from dajeong.records import Reply, Score
from dajeong.report.disagreement import ANY, MAX_CARDS, OTHER, Browsed, View, browsed, spread
from dajeong.report.read import Stage


def stage(said: Sequence[Reply], given: Sequence[Score], name: str = "evaluate") -> Stage:
    return Stage(name, name, done=True, replies=tuple(said), scores=tuple(given))


def shown(said: Sequence[Reply], given: Sequence[Score]) -> Browsed:
    found = browsed(stage(said, given), ())
    assert found
    return found


def test_the_widest_apart_comes_first() -> None:
    found = shown(replies(), scores())
    by_id = {one.prompt_id: one for one in found.prompts}
    places = found.places[View(("base", "sft", "ppo"), "friendliness")]
    widths = [spread(by_id[prompt], found.authors, "friendliness") for prompt in places]
    assert widths == sorted(widths, reverse=True) and widths[0] == 4 and widths[-1] > 0
    assert list(places.values()) == list(range(len(places)))


def test_every_pair_can_be_looked_at_alone() -> None:
    found = shown(replies(), scores())
    assert found.pairs == [("base", "sft", "ppo"), ("sft", "ppo"), ("base", "ppo"), ("base", "sft")]
    assert found.places[View(("sft", "ppo"), "harmless")] == {}
    assert all(int(prompt[-1]) % 2 == 0 for prompt in found.places[View(("base", "ppo"), "harmless")])


def test_a_missing_judgement_is_neither_equal_nor_different() -> None:
    found = shown(replies(), scores())
    assert not any(prompt.endswith("6") for prompt in found.places[View(("base", "ppo"), "harmless")])
    six = next(one for one in found.prompts if one.prompt_id.endswith("6"))
    assert six.verdicts["base"]["harmless"] == (None, "prose")


def test_nothing_to_compare_is_nothing() -> None:
    alone = [reply for reply in replies() if reply.author == "ppo"]
    assert browsed(stage(alone, scores()), ()) is None
    assert browsed(stage(replies(), []), ()) is None
    same = [score(reply, "harmless", 1.0, [1, 1]) for reply in replies()]
    assert browsed(stage(replies(), same), ()) is None


def test_a_judging_step_finds_the_replies_it_read() -> None:
    wrote = Stage("evaluate", "evaluate", done=True, replies=tuple(replies()))
    inputs = {"replies": ("evaluate/replies",)}
    judge = Stage("judge", "judge", done=True, inputs=inputs, scores=tuple(scores()))
    assert browsed(judge, [wrote, judge]) == browsed(stage(replies(), scores()), ())
    assert browsed(wrote, [wrote, judge]) is None


def test_a_comparison_tells_of_both_replies() -> None:
    sft, ppo = (next(reply for reply in replies() if reply.author == name) for name in ("sft", "ppo"))
    won = score(ppo, "preferred", 0.75, []).model_copy(update={"meta": {"other": sft.id}})
    (one,) = shown([sft, ppo], [won]).prompts
    assert one.verdicts["ppo"]["preferred"].value == 0.75 and one.verdicts["sft"]["preferred"].value == 0.25


def test_many_kinds_and_many_prompts_stay_within_a_page() -> None:
    said = [
        reply.model_copy(update={"id": f"{reply.id}-{n}", "prompt_id": f"{n}", "kind": f"kind {n % 40}"})
        for n in range(800)
        for reply in replies()[:2]
    ]
    found = shown(said, [score(reply, "x", float(reply.author == "sft"), [0, 1]) for reply in said])
    assert len(found.kinds) == 12 and OTHER in found.kinds
    assert found.total == found.apart == 800 and 0 < len(found.prompts) <= MAX_CARDS


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.lists(st.floats(allow_nan=True), min_size=21, max_size=21))
def test_order_of_the_files_does_not_matter(chance, values) -> None:  # type: ignore[no-untyped-def]
    said = replies()
    rated = [score(reply, "x", value, []) for reply, value in zip(said, values * 3, strict=True)]
    found = browsed(stage(said, rated), ())
    chance.shuffle(rated)
    again = browsed(stage(said, rated), ())
    assert (found is None) == (again is None)
    if found and again:
        assert found.places == again.places
        assert {prompt for prompt in found.places[View(found.pairs[0], ANY)]} <= {
            one.prompt_id for one in found.prompts
        }
