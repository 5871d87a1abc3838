"""The checklist of supervised fine-tuning, row by row: what silently goes wrong elsewhere, and cannot here.

Each docstring says which broken version the test was seen to fail on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_training import CPU, Trace, make_sft, optimizer
from tokenizers.processors import TemplateProcessing
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import DataProblem
from dajeong.models.adapters import load_role, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.layout import Sequence_, pack
from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import END, PAD, tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer, Tokens, prompt_ids, stop_ids, tokens_of
from dajeong.records import Decoding, Dialogue, Message
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from dajeong.templates import TEMPLATES
from dajeong.training.examples import examples_of
from dajeong.training.parallel import Single
from dajeong.training.settings import SftSettings
from dajeong.training.sft import Sft
from models.families import FAMILIES, add_drawn, drawn, logits_of, network, some_ids, write_family

KULLM = TEMPLATES["kullm"]
TEXTS = ["오늘 점심은 뭐가 좋을까요?", "따뜻한 국수 한 그릇 어떠세요.", "### 응답: 네, 그래요!"] * 4


def dialogue(*said: str) -> Dialogue:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return Dialogue(
        id=said[0],
        messages=tuple(Message(role=roles[turn % 2], content=text) for turn, text in enumerate(said)),  # type: ignore[arg-type]
    )


ROWS = [
    dialogue("점심?", "국수요."),
    dialogue("비가 오나요?", "네, 우산을 챙기세요. 길이 미끄러워요."),
    dialogue("안녕", "안녕하세요", "뭐 해요?", "산책해요."),
]


@pytest.fixture(scope="module")
def stock() -> Any:
    return tiny_tokenizer(TEXTS, TinySettings(vocabulary=340))


@pytest.fixture(scope="module")
def tokenizer(stock: Any) -> TextTokenizer:
    return TextTokenizer(stock)


def other_tokenizer(stock: Any, **options: Any) -> TextTokenizer:
    given = {"eos_token": END, "pad_token": PAD, **options}
    return TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=stock.backend_tokenizer, **given))


def learned_ends(example: Tokens, end: int) -> int:
    return sum(token == end and learn for token, learn in zip(example.ids, example.learn, strict=True))


def test_S1_padding_equal_to_the_end_hides_no_end(stock: Any) -> None:
    """Seen to fail with `learn = [token != pad for token in ids]` in `examples_of`, the label rule of many
    collators.
    """
    same = other_tokenizer(stock, pad_token=END)
    assert same.pad_id == same.eos_id
    examples = examples_of(ROWS, KULLM, same, 200).tokens
    assert [learned_ends(example, same.eos_id) for example in examples] == [1, 1, 2]
    batch = pack([Sequence_(example.ids, None, example.learn) for example in examples])
    assert batch.num_tokens == sum(len(example.ids) for example in examples), "nothing is padded"
    assert batch.targets.tolist().count(same.eos_id) == 4


def test_S2_every_turn_teaches_its_end(tokenizer: TextTokenizer) -> None:
    """Seen to fail with `learn` true for the last answer's end only."""
    talk = dialogue("하나?", "네.", "둘?", "아니요.", "셋?", "좋아요.")
    for template in (KULLM, TEMPLATES["koalpaca"]):
        assert learned_ends(tokens_of(talk.messages, template, tokenizer), tokenizer.eos_id) == 3


def test_S2_after_twenty_updates_every_turn_stops(models: Path) -> None:
    """The count of the test above, seen in what is written."""
    base = load_base(str(models / "base"), CPU)
    template = TEMPLATES["koalpaca"]
    talk = dialogue("가?", "나.", "다?", "라.", "마?", "바.")
    examples = examples_of([talk], template, base.tokenizer, 128).tokens
    base.model.add_role("sft", LoraSettings(rank=16, alpha=32), trainable=True, seed=1)
    wanted = SftSettings(updates=20, optimizer=optimizer(learning_rate=2e-2))
    Trace(Sft(base.model, "sft", examples, wanted, wanted.optimizer, 0), models.parent / "s2")
    greedy = Decoding(temperature=0, max_new_tokens=20)
    stops = stop_ids(template, base.tokenizer)
    asked = [prompt_ids(talk.messages[: 2 * turn + 1], template, base.tokenizer) for turn in range(3)]
    found = NativeEngine(base.model).generate([Request(tuple(ids), 0, greedy, "sft", stops) for ids in asked])
    assert {each.stop_reason for each in found} == {"eos"} and all(len(each.ids) < 20 for each in found)
    assert {base.tokenizer.decode(each.ids) for each in found} <= {" 나.", " 라.", " 바."}


def test_S3_a_cut_example_has_no_end_and_is_counted(tokenizer: TextTokenizer) -> None:
    """Seen to fail with `[*ids[: max_tokens - 1], eos]` in `tokens_of`, the faked end of other systems."""
    whole = tokens_of(ROWS[1].messages, KULLM, tokenizer)
    limit = len(whole.ids) - 2
    found = examples_of([ROWS[1], ROWS[0]], KULLM, tokenizer, limit)
    assert found.num_truncated == 1 and found.summary()["truncated"] == 1
    assert found.tokens[0].ids == whole.ids[:limit] and learned_ends(found.tokens[0], tokenizer.eos_id) == 0
    assert learned_ends(found.tokens[1], tokenizer.eos_id) == 1


SAID = st.text(st.sampled_from("가나다 국수요.?!\n:#답변AB <|end>"), min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(asked=SAID, answer=SAID)
def test_S4_training_reads_the_ids_that_a_rollout_starts_from(asked: str, answer: str) -> None:
    """Seen to fail where the joint text was encoded at once: a merge over the seam shifted the mask."""
    tokenizer = TextTokenizer(tiny_tokenizer(TEXTS, TinySettings(vocabulary=340)))
    for template in (KULLM, TEMPLATES["koalpaca"]):
        talk = dialogue(asked, answer)
        prompt = prompt_ids(talk.messages[:1], template, tokenizer)
        taught = tokens_of(talk.messages, template, tokenizer)
        assert taught.ids[: len(prompt)] == prompt
        assert taught.learn == [False] * len(prompt) + [True] * (len(taught.ids) - len(prompt))
        text = "".join(segment.text for segment in template.render(talk.messages))
        assert tokenizer.decode(taught.ids) == text and taught.ids[-1] == tokenizer.eos_id


BOS = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{{ eos_token }}{% endfor %}"


def test_S5_exactly_one_beginning(stock: Any) -> None:
    """Seen to fail without the look at `ids[:1]` in `tokens_of`: templates that write it had two."""
    plain = other_tokenizer(stock)
    backend = type(stock.backend_tokenizer).from_str(stock.backend_tokenizer.to_str())
    backend.add_special_tokens(["<s>"])
    backend.post_processor = TemplateProcessing("<s> $A", None, [("<s>", backend.token_to_id("<s>"))])
    adding = TextTokenizer(
        PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token=END, pad_token=PAD)
    )
    assert plain.bos_id is None and adding.bos_id == backend.token_to_id("<s>")
    writes = JinjaTemplate(name="writes", source=BOS, bos="<s>", eos=END)
    for template in (KULLM, writes):
        for row in ROWS:
            ids = tokens_of(row.messages, template, adding).ids
            assert ids.count(backend.token_to_id("<s>")) == 1 and ids[0] == adding.bos_id
    first = plain.encode("점심")[0]
    assert tokens_of(ROWS[0].messages, TEMPLATES["plain"], plain).ids[0] == first, "none is made up"


def test_S6_a_row_without_a_learned_token_is_counted_and_left_out(tokenizer: TextTokenizer) -> None:
    """Seen to fail with `if example.learn` for `if any(example.learn[1:])`: a row of zeros was trained on."""
    short = len(prompt_ids(ROWS[1].messages[:1], TEMPLATES["koalpaca"], tokenizer))
    found = examples_of([ROWS[1], ROWS[0]], TEMPLATES["koalpaca"], tokenizer, short)
    assert found.num_without_answer == 1 and all(any(each.learn[1:]) for each in found.tokens)
    assert 0 < found.summary()["learned_share"] < 1
    with pytest.raises(DataProblem) as caught:
        examples_of([ROWS[1]], TEMPLATES["koalpaca"], tokenizer, short)
    assert caught.value.code == "nothing-to-learn"


class Rank(Single):
    """One of two processes, as far as shares go."""

    world = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank


def test_S7_the_loss_is_a_sum_over_the_tokens_of_the_whole_update(models: Path, tmp_path: Path) -> None:
    """Seen to fail with the mean of the micro-batches' means in `Loop._backward`."""
    one, many = (Trace(make_sft(models, micro=size), tmp_path / str(size)) for size in (4096, 16))
    assert max(many.num_micro_batches) > max(one.num_micro_batches) == 1
    largest = max(float((one.after[name] - one.before[name]).abs().max()) for name in one.after)
    for name, parameter in one.after.items():
        assert float((parameter - many.after[name]).abs().max()) <= 1e-3 * largest, name
    whole, halves = sums_of(make_sft(models)), [sums_of(make_sft(models, Rank(rank))) for rank in (0, 1)]
    assert all(half[1] > 0 for half in halves)
    assert sum(half[0] for half in halves) == pytest.approx(whole[0], rel=1e-5)
    assert sum(half[1] for half in halves) == whole[1]


def sums_of(algorithm: Sft) -> tuple[float, float]:
    """Sum and weight of the first update on this process."""
    batches = next(algorithm.updates()).batches
    with torch.no_grad(), algorithm.models["main"].measuring():
        found = [algorithm.loss(algorithm.models["main"](each.tokens), each) for each in batches]
    return sum(float(each["nll"]) for each in found), sum(each.weights["nll"] for each in batches)


@pytest.mark.parametrize("family", FAMILIES)
def test_S8_packed_examples_do_not_see_each_other(family: str) -> None:
    """Seen to fail with one causal rectangle over all tokens in `attention._rectangle`."""
    model = RoleModel(network(family, 61, 0, 1))
    add_drawn(model, "sft", 3)
    assert model.config.use_cache is not False, "the default under which other systems mix sequences"
    mine, other, poison = some_ids(11, 1), some_ids(9, 2), some_ids(9, 3)
    beside = [logprobs(model, [other, mine]), logprobs(model, [poison, mine])]
    alone = logprobs(model, [mine])
    assert torch.equal(beside[0][-10:], beside[1][-10:])
    assert float((beside[0][-10:] - alone).abs().max()) <= 1e-5


def logprobs(model: RoleModel, sequences: list[list[int]]) -> torch.Tensor:
    with torch.no_grad():
        return model(pack([Sequence_(ids, "sft", [True] * len(ids)) for ids in sequences])).logprobs


def test_S9_positions_begin_anew_with_every_example() -> None:
    """On GPT-2, whose positions are learned. Seen to fail with `np.arange(total)` in `layout.pack`."""
    model = RoleModel(network("gpt2", 61, 0, 1))
    add_drawn(model, "sft", 3)
    first, second = some_ids(40, 1), some_ids(12, 2)
    expected = logits_of(model, second, "sft").log_softmax(-1)[:-1]
    expected = expected.gather(1, torch.tensor(second[1:])[:, None])[:, 0]
    assert float((logprobs(model, [first, second])[-11:] - expected).abs().max()) <= 1e-5
    batch = pack([Sequence_(first, "sft"), Sequence_(second, "sft")])
    assert batch.positions[0].tolist() == [*range(40), *range(12)]


@pytest.mark.parametrize("family", FAMILIES)
def test_S10_no_token_types_reach_the_model(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GPT-NeoX refuses them. Seen to fail with a `use_cache` left open in `RoleModel._trunk`."""
    write_family(tmp_path, family)
    base = load_base(str(tmp_path), CPU)
    stock = base.tokenizer.huggingface
    stock.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    assert "token_type_ids" in stock("점심?"), "as older tokenizers do by themselves"
    given: list[set[str]] = []
    run = base.model.trunk.forward

    def forward(**named: Any) -> Any:
        given.append({name for name, value in named.items() if value is not None})
        assert named["use_cache"] is False and named["attention_mask"] is None
        return run(**named)

    monkeypatch.setattr(base.model.trunk, "forward", forward)
    ids = tokens_of(ROWS[0].messages, TEMPLATES["koalpaca"], base.tokenizer).ids
    with torch.no_grad():
        base.model(pack([Sequence_(ids, None, [True] * len(ids))]))
    assert given == [{"input_ids", "position_ids", "use_cache"}]
    if family != "qwen2":  # whose class of tokenizer replaces what was saved by its own way of splitting
        assert base.tokenizer.decode(ids) == "### 질문: 점심?\n\n### 답변: 국수요."


def spare_base(folder: Path, spare: int) -> Base:
    """As Polyglot: more rows in the embedding than tokens in the vocabulary."""
    stock = tiny_tokenizer(TEXTS, TinySettings(vocabulary=340))
    config = GPTNeoXConfig(
        vocab_size=len(stock) + spare,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=128,
        eos_token_id=stock.eos_token_id,
        pad_token_id=stock.pad_token_id,
        bos_token_id=None,
    )
    drawn(GPTNeoXForCausalLM(config).eval()).save_pretrained(folder)
    stock.save_pretrained(folder)
    return load_base(str(folder), CPU)


def test_S11_spare_rows_stay(tmp_path: Path) -> None:
    """Seen to fail with `resize_token_embeddings(len(tokenizer))` after loading."""
    base = spare_base(tmp_path / "base", 77)
    rows = base.tokenizer.vocab_size + 77
    examples = examples_of(ROWS, TEMPLATES["koalpaca"], base.tokenizer, 100).tokens
    base.model.add_role("sft", LoraSettings(rank=4, alpha=8), trainable=True, seed=1)
    wanted = SftSettings(updates=3, optimizer=optimizer())
    Trace(Sft(base.model, "sft", examples, wanted, wanted.optimizer, 0), tmp_path / "run")
    save_role(base, "sft", tmp_path / "sft", TEMPLATES["koalpaca"])
    again = load_base(str(tmp_path / "base"), CPU)
    load_role(again.model, "sft", tmp_path / "sft")
    assert again.model.head.get_parameter("weight").shape[0] == rows == again.model.config.vocab_size
    assert written(again) == written(base)


def written(base: Base) -> list[tuple[int, ...]]:
    ids = tuple(prompt_ids(ROWS[0].messages[:1], TEMPLATES["koalpaca"], base.tokenizer))
    greedy = Decoding(temperature=0, max_new_tokens=12)
    found = NativeEngine(base.model).generate([Request(ids, 0, greedy, "sft", frozenset())])
    return [each.ids for each in found]


@pytest.mark.parametrize("family", FAMILIES)
def test_S12_the_head_is_found_whatever_it_is_called(family: str) -> None:
    """Seen to fail with `base.lm_head`, which GPT-NeoX calls otherwise in older versions, and with
    `base.embed_out`, which no other family has: the name is hidden here.
    """
    stock = network(family, 61, 0, 1)
    ids = some_ids(14, 1)
    with torch.no_grad():
        loss = stock(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
    model = RoleModel(stock)
    assert model.head is stock.get_output_embeddings()
    mean = -logprobs_of_base(model, ids).mean()
    assert float((mean - loss).abs()) <= 1e-5
    name = next(name for name, module in stock.named_children() if module is model.head)
    head = getattr(stock, name)
    delattr(stock, name)
    stock.another_name = head
    stock.get_output_embeddings = lambda: stock.another_name
    assert torch.equal(-logprobs_of_base(model, ids).mean(), mean)


def logprobs_of_base(model: RoleModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(pack([Sequence_(ids, None, [True] * len(ids))])).logprobs
