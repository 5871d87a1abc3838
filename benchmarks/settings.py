"""What is measured: shapes, lengths, counts. Plain numbers, read by both sides; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, replace

QUANTILES = (2, 11, 18, 26, 32, 40, 47, 54, 62, 71, 82, 95, 119, 142, 182, 232, 311, 389, 486, 512, 512)


@dataclass(frozen=True)
class Model:
    """GPT-NeoX in the shape of Pythia-31m, with a small vocabulary."""

    layers: int = 6
    hidden: int = 256
    heads: int = 8
    vocabulary: int = 4000
    positions: int = 1024
    spread: float = 0.1
    """Deviation of the drawn weights: wide enough that no greedy choice is a tie."""


@dataclass(frozen=True)
class Lora:
    """As KULLM and VAIV set it, dropout off."""

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("query_key_value",)


@dataclass(frozen=True)
class Sft:
    """One optimizer step per batch of examples."""

    examples: int = 2445
    """As many as VAIV's instructions, so that grouping by length has enough to choose from."""
    max_tokens: int = 512
    header: int = 33
    """Tokens that KULLM's template puts before every question."""
    batch: int = 8
    updates: int = 3
    """Timed ones, an even choice of the batches that the Trainer's grouping gives."""
    learning_rate: float = 3e-4
    epsilon: float = 1e-5
    max_grad_norm: float = 1.0


@dataclass(frozen=True)
class Reward:
    """Pairs of answers to one prompt, one optimizer step per batch of pairs."""

    pairs: int = 32
    batch: int = 8
    max_tokens: int = 320


@dataclass(frozen=True)
class Ppo:
    """Replies of equal length to prompts of unequal ones; policy and value learn together."""

    prompts: int = 16
    rollouts: int = 1
    epochs: int = 2
    micro_batch: int = 16
    """Replies of one of the peer's forwards; both sides step once an epoch."""
    new: int = 48
    temperature: float = 1.0


@dataclass(frozen=True)
class Generate:
    """Greedy, every reply of the same length, no token ends one."""

    batches: tuple[int, ...] = (1, 16, 64)
    repeats: tuple[int, ...] = (2, 1, 1)
    """Timed calls of every batch size, each with other prompts."""
    prompt: int = 64
    new: int = 128


@dataclass(frozen=True)
class Useful:
    """Greedy replies that end where VAIV's answers end."""

    requests: int = 24
    slots: int = 8
    """Rows written side by side: a batch of the peer, our slots."""
    prompt: int = 64
    quantiles: tuple[int, ...] = QUANTILES
    """0 %, 5 %, … 100 % of the lengths of VAIV's answers: tokens of 2.1 characters, cut at 512."""


@dataclass(frozen=True)
class Loss:
    """One pass over small talk after a short pretraining; the peer's last validation loss is the mark."""

    texts: int = 4000
    pretraining: int = 300
    examples: int = 768
    held_out: int = 64
    batch: int = 16
    learning_rate: float = 2e-3
    read_every: int = 4
    """Updates between two readings of our validation loss, which are not timed."""


@dataclass(frozen=True)
class Settings:
    model: Model = Model()
    lora: Lora = Lora()
    sft: Sft = Sft()
    reward: Reward = Reward()
    ppo: Ppo = Ppo()
    generate: Generate = Generate()
    useful: Useful = Useful()
    loss: Loss = Loss()
    threads: int = 1
    seed: int = 0


TINY = Settings()
MID = replace(
    TINY,
    model=Model(layers=12, hidden=512, heads=8, vocabulary=30000, spread=0.05),
    sft=replace(TINY.sft, updates=1),
    reward=replace(TINY.reward, pairs=12, batch=4),
    ppo=replace(TINY.ppo, prompts=8, rollouts=1, micro_batch=8),
    generate=replace(TINY.generate, repeats=(1, 1, 1), new=16),
    useful=replace(TINY.useful, requests=24, slots=8),
)
SMALL = Settings(
    Model(layers=2, hidden=64, heads=4, vocabulary=500),
    sft=Sft(examples=256, updates=2),
    reward=Reward(pairs=8, batch=4),
    ppo=Ppo(prompts=4, rollouts=1, micro_batch=2, new=8),
    generate=Generate(repeats=(1, 1, 1), prompt=16, new=16),
    useful=replace(TINY.useful, requests=8, slots=4, prompt=16),
    loss=Loss(texts=300, pretraining=20, examples=64, held_out=8, batch=8),
)
SHAPES = {"tiny": TINY, "mid": MID, "small": SMALL}
"""`small` tries the benchmark itself; its figures mean nothing."""
