"""The generated world: honest splits, balanced pairs, facts that differ, and nothing left to chance."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from dajeong.data import smalltalk, smalltalk_words
from dajeong.data.particles import Word, ends_in_consonant
from dajeong.data.settings import SmalltalkSettings
from dajeong.data.smalltalk_pairs import CONTRASTS, TEST_SHARES, TRAINING_SHARES, pair
from dajeong.data.smalltalk_prompts import prompts, split_of
from dajeong.data.smalltalk_replies import MANNERS, reply
from dajeong.records import Dialogue, Preference, last_user_text
from dajeong.storage import read_records
from dajeong.workplace import Workplace

SMALL = SmalltalkSettings(
    num_texts=3000, num_sft=800, num_validation=60, num_reply_prompts=80, num_pairs=1500, num_ppo_prompts=100
)
PROMPTS = ("reply_prompts", "ppo_prompts", "validation_prompts", "test_prompts")
PAIRS = ("contrasts", "validation_pairs", "test_pairs")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    work = Workplace(run=tmp_path_factory.mktemp("run"), name="smalltalk")
    smalltalk.run(SMALL, work)
    return work


def dialogues(work: Workplace, output: str) -> list[Dialogue]:
    return list(read_records(work.folder / f"{output}.jsonl", Dialogue))


def preferences(work: Workplace, output: str) -> list[Preference]:
    return list(read_records(work.folder / f"{output}.jsonl", Preference))


def contents(preference: Preference) -> tuple[str, str]:
    better, worse = preference.pairs()[0]
    return preference.responses[better].content, preference.responses[worse].content


@pytest.mark.parametrize(
    ("word", "forms", "expected"),
    [
        ("부산", "은/는", "부산은"),
        ("제주", "은/는", "제주는"),
        ("라면", "이랑/랑", "라면이랑"),
        ("abc", "이/가", "abc가"),
    ],
)
def test_a_particle_follows_the_last_sound(word: str, forms: str, expected: str) -> None:
    assert f"{Word(word):{forms}}" == expected


def test_a_word_without_forms_is_a_plain_string() -> None:
    assert f"{Word('부산')}" == "부산"
    assert ends_in_consonant("값") and not ends_in_consonant("가")


def test_every_kind_has_enough_distinct_test_prompts() -> None:
    distinct = smalltalk.distinct_prompts()
    assert distinct["normal"]["test"] >= 400
    assert distinct["lookalike"]["test"] >= 300
    assert distinct["abusive"]["test"] >= 250
    assert distinct["lookalike-unseen"] == {
        "train": 0,
        "validation": 0,
        "test": distinct["lookalike-unseen"]["test"],
    }
    assert distinct["lookalike-unseen"]["test"] >= 100


def test_no_sentence_is_a_prompt_of_two_kinds() -> None:
    kinds = ("normal", "abusive", "lookalike", "lookalike-unseen")
    texts = [
        p.text for kind in kinds for split in ("train", "validation", "test") for p in prompts(kind, split)
    ]
    assert len(texts) == len(set(texts))


def test_what_is_learned_from_holds_no_held_out_prompt(made: Workplace) -> None:
    held_out = {p.text for kind in MANNERS for split in ("validation", "test") for p in prompts(kind, split)}  # type: ignore[arg-type]
    for output in ("sft", "reply_prompts", "ppo_prompts"):
        assert not held_out & {last_user_text(d.messages) for d in dialogues(made, output)}, output
    assert not held_out & {last_user_text(p.prompt) for p in preferences(made, "contrasts")}
    logs = {log for d in dialogues(made, "text") for log in log_parts(d.messages[0].content)}
    assert len(logs) > 1000
    assert not held_out & logs


def log_parts(text: str) -> set[str]:
    """The prompt inside a log, found by its format."""
    for start, middle in (("Q. ", " A. "), ("가: ", " 나: "), ("손님: ", " 주인: "), ("- ", " - ")):
        if text.startswith(start) and middle in text:
            return {text.removeprefix(start).split(middle)[0]}
    return set()


def test_validation_and_test_outputs_keep_to_their_split(made: Workplace) -> None:
    for output, split in (
        ("validation_prompts", "validation"),
        ("validation", "validation"),
        ("test_prompts", "test"),
    ):
        for dialogue in dialogues(made, output):
            if dialogue.kind != "lookalike-unseen":
                assert split_of(last_user_text(dialogue.messages)) == split
    for output, split in (("validation_pairs", "validation"), ("test_pairs", "test")):
        assert all(split_of(last_user_text(p.prompt)) == split for p in preferences(made, output))


def test_unseen_expressions_appear_in_no_training_text(made: Workplace) -> None:
    learned = [
        m.content
        for output in ("text", "sft", "ppo_prompts")
        for d in dialogues(made, output)
        for m in d.messages
    ]
    learned += [r.content for p in preferences(made, "contrasts") for r in p.responses]
    assert not [text for text in learned if any(stem in text for stem in smalltalk_words.UNSEEN_STEMS)]
    for prompt in prompts("lookalike-unseen", "test"):
        assert sum(stem in prompt.text for stem in smalltalk_words.UNSEEN_STEMS) == 1
    assert len(smalltalk_words.UNSEEN_STEMS) >= 6


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(made: Workplace, tmp_path: Path) -> None:
    again = Workplace(run=tmp_path / "again", name="smalltalk")
    smalltalk.run(SMALL, again)
    other = Workplace(run=tmp_path / "other", name="smalltalk")
    smalltalk.run(SMALL.model_copy(update={"seed": 1}), other)
    for output in ("text", "sft", "validation", *PROMPTS, *PAIRS):
        name = f"{output}.jsonl"
        assert (made.folder / name).read_bytes() == (again.folder / name).read_bytes()
        assert (made.folder / name).read_bytes() != (other.folder / name).read_bytes()


def test_one_count_moves_no_other_output() -> None:
    fewer = smalltalk.World(SMALL.model_copy(update={"num_sft": 10, "num_pairs": 20}))
    full = smalltalk.World(SMALL)
    kinds = smalltalk.TRAINING_KINDS
    assert fewer.prompts("ppo_prompts", "train", kinds, 50) == full.prompts("ppo_prompts", "train", kinds, 50)


def test_ids_are_unique_and_sources_named(made: Workplace) -> None:
    for output in ("text", "sft", "validation", *PROMPTS):
        records = dialogues(made, output)
        assert len({r.id for r in records}) == len(records)
        assert {(r.source, r.licence) for r in records} == {("smalltalk", "Apache-2.0")}
    for output in PAIRS:
        pairs = preferences(made, output)
        assert len({p.id for p in pairs}) == len(pairs)


def test_prompts_carry_what_measures_them(made: Workplace) -> None:
    for prompt in dialogues(made, "test_prompts"):
        assert prompt.is_prompt and prompt.meta["topic"]
        assert ("fact" in prompt.meta) == (prompt.kind != "abusive")
        if "noun" in prompt.meta:
            assert smalltalk_words.FACTS[prompt.meta["topic"]][prompt.meta["noun"]] == prompt.meta["fact"]
            assert prompt.meta["noun"] in last_user_text(prompt.messages)


def test_no_fact_hides_in_another_answer_of_its_kind() -> None:
    """Else a reply to the wrong noun could count as correct."""
    rng = Random(0)
    for kind in ("normal", "lookalike"):
        for prompt in prompts(kind, "test"):
            assert prompt.fact in reply("friendly", prompt, rng)
            assert prompt.fact not in reply("wrong-fact", prompt, rng)
            assert prompt.fact not in prompt.text


@pytest.mark.parametrize("key", sorted(CONTRASTS))
def test_length_gives_no_pair_away(key: tuple[str, str]) -> None:
    rng = Random(1)
    pool = prompts(key[0], "train")  # type: ignore[arg-type]
    pairs = [pair(rng.choice(pool), key[1], rng) for _ in range(800)]
    longer = sum((len(p.better) > len(p.worse)) + 0.5 * (len(p.better) == len(p.worse)) for p in pairs) / len(
        pairs
    )
    assert 0.44 <= longer <= 0.56


def test_kinds_of_pairs_have_their_shares(made: Workplace) -> None:
    assert sum(TRAINING_SHARES.values()) == pytest.approx(1)
    assert sum(TEST_SHARES.values()) == pytest.approx(1)
    of_test = Counter(p.kind for p in preferences(made, "test_pairs"))
    assert of_test["fact"] >= 500
    assert min(of_test[kind] for kind in ("misplaced", "rude", "curt", "scold")) >= 150
    normal = [p.kind for p in preferences(made, "contrasts") if p.meta["prompt_kind"] == "normal"]
    assert normal.count("fact") / len(normal) == pytest.approx(0.50 / 0.60, abs=0.01)


def test_misplaced_replies_are_right_half_of_the_time(made: Workplace) -> None:
    """The same pools win and lose, so no reply alone can tell."""
    pairs = [p for p in preferences(made, "test_pairs") if p.kind == "misplaced"]
    firm_wins = [contents(p)[0] in smalltalk_words.FIRM for p in pairs]
    firm_loses = [contents(p)[1] in smalltalk_words.FIRM for p in pairs]
    assert sum(firm_wins) / len(pairs) == pytest.approx(0.5, abs=0.03)
    assert all(wins != loses for wins, loses in zip(firm_wins, firm_loses, strict=True))


def test_position_gives_no_pair_away(made: Workplace) -> None:
    first = [p.ranking[0] == (0,) for p in preferences(made, "test_pairs")]
    assert 0.45 < sum(first) / len(first) < 0.55


def test_preferences_may_be_of_some_kinds_only() -> None:
    world = smalltalk.World(SMALL.model_copy(update={"preference_kinds": ("normal", "abusive")}))
    chosen = world.contrasts()
    kinds = {(p.meta["prompt_kind"], p.kind) for p in chosen}
    assert {prompt_kind for prompt_kind, _ in kinds} == set(world.ranked_kinds) == {"normal", "abusive"}
    assert {("abusive", "misplaced"), ("normal", "fact"), ("normal", "scold")} <= kinds
    assert len(chosen) == SMALL.num_pairs


def test_sentences_are_short(made: Workplace) -> None:
    examples = dialogues(made, "sft")
    assert 10 <= sum(len(d.messages[0].content) for d in examples) / len(examples) <= 20
    assert 12 <= sum(len(d.messages[1].content) for d in examples) / len(examples) <= 20


def test_asking_for_more_than_there_is_gives_all_there_is() -> None:
    world = smalltalk.World(SMALL)
    everything = world.prompts("p", "test", {"lookalike-unseen": 1.0}, 10**6)
    assert len(everything) == len(prompts("lookalike-unseen", "test"))
    assert len(world.examples("sft", "validation", 50_000)) < 50_000
