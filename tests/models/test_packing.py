"""Sequences laid end to end answer as they would alone; the bookkeeping covers every token once."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from families import add_drawn, bare_model, doubles, some_ids
from hypothesis import given, settings
from hypothesis import strategies as st

from dajeong.models.layout import Layout, Packing, Sequence_, TokenOutputs, pack
from dajeong.models.roles import RoleModel

CPU = torch.device("cpu")
ROLES = (None, "policy", "value")
lengths = st.lists(st.integers(1, 40), min_size=1, max_size=12)
spoken = st.lists(st.tuples(st.sampled_from(ROLES), st.integers(1, 24)), min_size=1, max_size=7)


# --- packed = separate


@functools.cache
def model_of(family: str, double: bool = False) -> RoleModel:
    """Two trainable roles with heads."""
    model = bare_model(family)
    for seed, role in enumerate(("policy", "value")):
        add_drawn(model, role, seed=seed, trainable=True, head=True)
    return model.double() if double else model


def sequence(index: int, role: str | None, length: int) -> Sequence_:
    """Every second token is learned, the head is read at the first and the last."""
    learn = [place % 2 == index % 2 for place in range(length)]
    places = sorted({0, length - 1}) if role else ()
    return Sequence_(some_ids(length, seed=index), role, learn, places)


def outputs(model: RoleModel, sequences: Sequence[Sequence_]) -> TokenOutputs:
    return model(pack(sequences, temperature=0.7, entropy=True))


def loss(found: TokenOutputs) -> torch.Tensor:
    """Weights every place differently, so that an exchanged pair cannot cancel."""
    parts = [found.logprobs, found.entropy, *(found.values[role] for role in sorted(found.values))]
    total = torch.zeros((), dtype=found.logprobs.dtype)
    for part in parts:
        assert part is not None
        total = total + (part * torch.linspace(1, 2, len(part), dtype=part.dtype)).sum()
    return total / sum(len(part) for part in parts if part is not None)


def joined(parts: Sequence[TokenOutputs]) -> TokenOutputs:
    values = {role: torch.cat([part.values[role] for part in parts]) for role in parts[0].values}
    return TokenOutputs(
        torch.cat([part.logprobs for part in parts]),
        torch.cat([part.entropy for part in parts if part.entropy is not None]),
        values,
    )


def gradients(model: RoleModel, found: TokenOutputs) -> list[torch.Tensor]:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    model.zero_grad(set_to_none=True)
    loss(found).backward()
    return [weight.grad for weight in weights if weight.grad is not None]


def check_packed(model: RoleModel, roles: Sequence[tuple[str | None, int]], tolerance: float) -> None:
    sequences = [sequence(index, role, length) for index, (role, length) in enumerate(roles)]
    packed = outputs(model, sequences)
    alone = joined([outputs(model, [one]) for one in sequences])
    assert packed.logprobs.shape == alone.logprobs.shape
    for ours, theirs in zip(numbers(packed), numbers(alone), strict=True):
        assert torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    if any(len(part) for part in numbers(packed)):
        together, apart = gradients(model, packed), gradients(model, alone)
        assert len(together) == len(apart) == sum(weight.requires_grad for weight in model.parameters())
        for ours, theirs in zip(together, apart, strict=True):
            assert float((ours - theirs).abs().max()) <= tolerance * max(1.0, float(theirs.abs().max()))


def numbers(found: TokenOutputs) -> list[torch.Tensor]:
    assert found.entropy is not None
    return [found.logprobs, found.entropy, *(found.values[role] for role in sorted(found.values))]


@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
@settings(max_examples=25)
@given(roles=spoken)
def test_packed_equals_separate(family: str, roles: list[tuple[str | None, int]]) -> None:
    check_packed(model_of(family), roles, 1e-5)


@pytest.mark.parametrize("family", ["neox", "gpt2"])  # Llama's normalisation is float32 whatever the type
@settings(max_examples=15)
@given(roles=spoken)
def test_packed_equals_separate_in_double(family: str, roles: list[tuple[str | None, int]]) -> None:
    with doubles():
        check_packed(model_of(family, double=True), roles, 1e-10)


@settings(max_examples=20)
@given(order=st.permutations(range(5)))
def test_the_order_of_sequences_does_not_matter(order: list[int]) -> None:
    model = model_of("neox")
    sequences = [sequence(index, ROLES[index % 3], 3 + 4 * index) for index in range(5)]
    sizes = [sum((one.learn or [])[1:]) for one in sequences]
    with torch.no_grad():
        first = outputs(model, sequences).logprobs.split(sizes)
        again = outputs(model, [sequences[place] for place in order]).logprobs
    for place, part in zip(order, again.split([sizes[place] for place in order]), strict=True):
        assert torch.allclose(part, first[place], atol=1e-5)


# --- what `pack` writes down


@given(sizes=lengths)
def test_positions_restart_and_targets_follow(sizes: list[int]) -> None:
    sequences = [sequence(index, "policy", length) for index, length in enumerate(sizes)]
    batch = pack(sequences)
    assert batch.ids.tolist() == [[token for one in sequences for token in one.ids]]
    assert batch.positions.tolist() == [[place for length in sizes for place in range(length)]]
    assert batch.packing.cu_seqlens.tolist() == [sum(sizes[:end]) for end in range(len(sizes) + 1)]
    assert (batch.packing.cu_seqlens.dtype, batch.packing.max_length) == (torch.int32, max(sizes))
    assert batch.num_tokens == sum(sizes)
    scored = [
        (start + place - 1, one.ids[place])
        for one, start in zip(sequences, batch.packing.offsets.tolist(), strict=False)
        for place, learned in enumerate(one.learn or [])
        if learned and place
    ]
    assert list(zip(batch.score_at.tolist(), batch.targets.tolist(), strict=True)) == scored
    starts = batch.packing.offsets[:-1].tolist()
    ends = [
        at for start, length in zip(starts, sizes, strict=True) for at in sorted({start, start + length - 1})
    ]
    assert batch.value_at["policy"].tolist() == ends


def test_what_is_not_asked_is_not_answered() -> None:
    found = model_of("neox")(pack([Sequence_([5, 6, 7])]))
    assert len(found.logprobs) == 0 and found.entropy is None
    assert {role: len(values) for role, values in found.values.items()} == {"policy": 0, "value": 0}


@settings(max_examples=200)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=40), fresh=st.frozensets(st.integers(0, 39)))
def test_rectangles_cover_every_token_once(sizes: list[int], fresh: frozenset[int]) -> None:
    packing = Packing(tuple(sizes), CPU, fresh)
    sequence_of = [index for index, length in enumerate(sizes) for _ in range(length)]
    place_of = [place for length in sizes for place in range(length)]
    end, cells = 0, 0
    for rows in packing.rows:
        assert rows.start == end
        end = rows.end
        cells += rows.num_rows * rows.length
        size = rows.num_rows * rows.length
        tokens = list(range(rows.start, rows.end)) if rows.gather is None else rows.gather.tolist()
        keep = list(range(size)) if rows.keep is None else rows.keep.tolist()
        assert len(tokens) == size
        assert [tokens[cell] for cell in keep] == list(range(rows.start, rows.end))
        for cell in keep:  # each real token stands in its own place of its own sequence's row
            first = tokens[cell - cell % rows.length]
            assert place_of[tokens[cell]] == cell % rows.length
            assert sequence_of[first] == sequence_of[tokens[cell]]
    assert end == sum(sizes) and cells <= 1.5 * sum(sizes)
    starts = {rows.start for rows in packing.rows}
    assert {int(packing.offsets[index]) for index in fresh if index < len(sizes)} <= starts


def test_roles_that_read_the_same_do_so_in_the_same_shapes() -> None:
    sizes = (12, 9, 40, 13, 10)
    reads = [Sequence_(some_ids(size), role) for role in ("policy", "sft") for size in sizes]
    rows = pack(reads).packing.rows
    half = len(rows) // 2
    assert [(one.num_rows, one.length) for one in rows[:half]] == [
        (one.num_rows, one.length) for one in rows[half:]
    ]
    assert len(Packing(sizes * 2, CPU).rows) < len(rows), "without the roles they would be joined"


# --- layouts


def described(layout: Layout, num_tokens: int) -> list[str | None]:
    """The role of every token."""
    spans = layout.spans or ((layout.everywhere, 0, num_tokens),)
    assert all(before[2] == after[1] for before, after in zip(spans, spans[1:], strict=False))
    return [role for role, start, end in spans for _ in range(end - start)]


@given(roles=st.lists(st.tuples(st.sampled_from(ROLES), st.integers(0, 5)), min_size=1, max_size=10))
def test_a_layout_says_whose_every_token_is(roles: list[tuple[str | None, int]]) -> None:
    layout, total = Layout.of(roles), sum(length for _, length in roles)
    assert described(layout, total) == [role for role, length in roles for _ in range(length)]
    neighbours = zip(layout.spans, layout.spans[1:], strict=False)
    assert all(before[0] != after[0] for before, after in neighbours), "neighbours of one role are joined"
    present = {role for role, _ in roles}
    whole = layout.including(["policy", "value", "extra"], total)
    assert described(whole, total) == described(layout, total)
    named = {span[0] for span in whole.spans}
    assert named >= {"policy", "value", "extra"} | (present - {None})
    assert whole.including(["policy", "value", "extra"], total) is whole
    added = [span for span in whole.spans if span[0] not in present]
    assert all(start == end == total for _, start, end in added)


def test_one_role_needs_no_spans() -> None:
    assert Layout.of([("policy", 3), ("policy", 4)]).everywhere == "policy"
    assert Layout.of([("policy", 3), ("policy", 4)]).spans == ()
    assert Layout.all("policy").including(["policy"], 7).spans == ()
    assert Layout.of([("policy", 3), ("value", 0)]).spans == (("policy", 0, 3), ("value", 3, 3))


# --- roles that a forward lacks


@pytest.mark.parametrize("present", [None, "policy", "value"])
@pytest.mark.parametrize("asked", [True, False])
def test_an_absent_role_gets_a_zero_gradient(present: str | None, asked: bool) -> None:
    """On one process of several, None instead would be a collective that never ends."""
    model = model_of("neox")
    one = sequence(0, present, 9) if asked else Sequence_(some_ids(9), present)
    found = outputs(model, [one])
    model.zero_grad(set_to_none=True)
    total = found.logprobs.sum() + sum((values.sum() for values in found.values.values()), torch.zeros(()))
    total.backward()
    for role in ("policy", "value"):
        for name, weight in model.parameters_of(role).items():
            assert weight.grad is not None, (role, name)
            moved = bool(weight.grad.any())
            assert moved == (asked and role == present), (role, name)


# --- together = apart


def one_role(family: str, role: str, seed: int) -> RoleModel:
    model = bare_model(family)
    add_drawn(model, role, seed=seed, trainable=True, head=True)
    return model


def check_together(family: str, tolerance: float, change: Callable[[RoleModel], RoleModel]) -> None:
    together = change(model_of(family) if change is same else copy.deepcopy(model_of(family)))
    apart = {role: change(one_role(family, role, seed)) for seed, role in enumerate(("policy", "value"))}
    sequences = {role: sequence(3, role, 21) for role in apart}
    found = outputs(together, list(sequences.values()))
    half = len(found.logprobs) // 2
    ours = gradients_by_role(together, found.logprobs.sum() + sum_of(found))
    for index, (role, model) in enumerate(apart.items()):
        theirs = outputs(model, [sequences[role]])
        part = found.logprobs[index * half : (index + 1) * half]
        assert torch.allclose(part, theirs.logprobs, atol=tolerance)
        assert torch.allclose(found.values[role], theirs.values[role], atol=tolerance)
        expected = gradients_by_role(model, theirs.logprobs.sum() + sum_of(theirs))[role]
        assert ours[role].keys() == expected.keys()
        for name, gradient in expected.items():
            bound = tolerance * max(1.0, float(gradient.abs().max()))
            assert float((ours[role][name] - gradient).abs().max()) <= bound


def same(model: RoleModel) -> RoleModel:
    return model


def in_double(model: RoleModel) -> RoleModel:
    return model.double()


def sum_of(found: TokenOutputs) -> torch.Tensor:
    return torch.stack([values.sum() for values in found.values.values()]).sum()


def gradients_by_role(model: RoleModel, total: torch.Tensor) -> dict[str, dict[str, Any]]:
    model.zero_grad(set_to_none=True)
    total.backward()
    return {
        role: {name: weight.grad for name, weight in model.parameters_of(role).items()}
        for role in sorted(model.trainable)
    }


@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
def test_roles_together_are_separate_models(family: str) -> None:
    check_together(family, 1e-5, same)


def test_roles_together_are_separate_models_in_double() -> None:
    with doubles():
        check_together("neox", 1e-10, in_double)


@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
@settings(max_examples=30)
@given(sizes=st.lists(st.integers(2, 60), min_size=1, max_size=8).filter(lambda sizes: sum(sizes) >= 8))
def test_a_copy_of_the_reference_has_no_distance_to_it(family: str, sizes: list[int]) -> None:
    """Bit for bit within one forward, so that a fresh policy pays no KL at all.

    Below some eight tokens a matrix product rounds its last rows in another way than its first.
    """
    model = with_copy(family)
    reads = [Sequence_(some_ids(n, seed=n), role, [True] * n) for role in ("policy", "sft") for n in sizes]
    with torch.no_grad():
        found = outputs(model, reads).logprobs
    policy, reference = found.split(len(found) // 2)
    assert torch.equal(policy, reference)


@functools.cache
def with_copy(family: str) -> RoleModel:
    model = bare_model(family)
    add_drawn(model, "sft", seed=4)
    model.add_role("policy", model.lora["sft"], trainable=True, copy_of="sft", seed=9)
    return model


# --- any order of slots


@settings(max_examples=25)
@given(slots=st.lists(st.sampled_from((0, 1, 2)), min_size=1, max_size=9))
@pytest.mark.parametrize("family", ["neox", "gpt2", "llama"])
def test_slots_in_any_order_answer_as_their_roles_do(family: str, slots: list[int]) -> None:
    model, length = model_of(family), 5
    ids = torch.tensor([some_ids(length, seed=row) for row in range(len(slots))])
    positions = torch.arange(length)[None].expand(len(slots), -1)
    with torch.no_grad():
        ours = model.hidden(ids, positions, Layout.slots(ROLES, torch.tensor(slots)))
        for row, role in enumerate(slots):
            alone = model.hidden(ids[row : row + 1], positions[:1], Layout.all(ROLES[role]))
            assert torch.allclose(ours[row], alone[0], atol=1e-5)
