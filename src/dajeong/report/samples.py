"""Replies of several models to the same prompts, side by side. Chooses by hash, never by content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from dajeong.records import Message, Reply
from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Stage
from dajeong.report.tables import table
from dajeong.report.verdict import number
from dajeong.report.words import KINDS, ROLES, asking, both, named

PER_KIND = 4
"""Prompts shown of each kind."""

MAX_ROLLOUTS = 12

_ABUSIVE = ("abus", "insult", "hate", "toxic", "profan", "harmful")


def samples(stages: Sequence[Stage]) -> Html:
    """The evaluation's replies; before there are any, those of whichever step wrote some."""
    with_replies = [stage for stage in stages if stage.replies]
    chosen = [stage for stage in with_replies if stage.kind == "evaluate"] or with_replies[-1:]
    lead = tag("p", both("samples-lead"), class_="quiet") if chosen else ""
    return joined(lead, *(_of_stage(stage) for stage in chosen), *(_rollouts(stage) for stage in stages))


def _of_stage(stage: Stage) -> Html:
    replies = one_each(stage.replies)
    authors = side_by_side([author for by_author in replies.values() for author in by_author])
    kinds: dict[str, list[dict[str, Reply]]] = {}
    for by_author in replies.values():
        kinds.setdefault(next(iter(by_author.values())).kind, []).append(by_author)
    shown = (_kind(kind, kinds[kind], authors) for kind in sorted(kinds, key=is_abusive))
    return joined(tag("h3", both("step"), ": ", tag("bdi", stage.name)), *shown)


def side_by_side(authors: Sequence[str]) -> list[str]:
    """In order of appearance, but `base, own format` beside `base`."""
    distinct = list(dict.fromkeys(authors))
    models = list(dict.fromkeys(author.partition(", ")[0] for author in distinct))
    return sorted(distinct, key=lambda author: models.index(author.partition(", ")[0]))


def one_each(replies: Sequence[Reply]) -> dict[str, dict[str, Reply]]:
    """prompt id → author → the first reply written; the headline decoding comes first in the file."""
    found: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        found.setdefault(reply.prompt_id, {}).setdefault(reply.author, reply)
    return found


def _kind(kind: str, prompts: Sequence[dict[str, Reply]], authors: Sequence[str]) -> Html:
    picked = sorted(prompts, key=_order)[:PER_KIND]
    head = joined(named(KINDS, kind), " · ", both("shown-of", shown=len(picked), total=len(prompts)))
    cards = joined(*(_card(by_author, authors) for by_author in picked))
    if is_abusive(kind):
        warned = tag("summary", tag("h4", head), " ", both("abusive-warning"))
        return tag("details", warned, cards, class_="warning")
    return joined(tag("h4", head), cards)


def is_abusive(kind: str) -> bool:
    return any(word in kind.lower() for word in _ABUSIVE)


def _order(by_author: dict[str, Reply]) -> tuple[int, str]:
    """Prompts that most models answered come first, in the order of a hash of their id."""
    prompt_id = next(iter(by_author.values())).prompt_id
    return -len(by_author), hashlib.sha256(prompt_id.encode("utf-8", "surrogatepass")).hexdigest()


def _card(by_author: dict[str, Reply], authors: Sequence[str]) -> Html:
    prompt = next(iter(by_author.values())).prompt
    answers = (answer(by_author[author]) for author in authors if author in by_author)
    return tag("article", conversation(prompt), tag("div", *answers, class_="answers"), class_="sample")


def conversation(messages: Sequence[Message]) -> Html:
    return tag("div", *(_message(message) for message in messages), class_="prompt")


def _message(message: Message) -> Html:
    context = tag("p", message.context, class_="text quiet", dir="auto") if message.context else ""
    spoken = tag("p", message.content, class_="text", dir="auto")
    return tag("div", tag("span", named(ROLES, message.role), class_="role"), spoken, context)


def answer(reply: Reply, *below: Html, class_: str = "answer") -> Html:
    text = tag("p", reply.content.strip(), class_="text", dir="auto")
    if not reply.content.strip():
        text = tag("p", both("empty-reply"), class_="quiet")
    cut = tag("small", both("cut-off")) if reply.stop_reason == "length" else ""
    author = tag("span", asking(reply.author), class_="role")
    return tag("div", author, text, cut, *below, class_=class_, title=_drawn(reply))


def _drawn(reply: Reply) -> str | None:
    """How it was drawn, for whoever points at it."""
    changed = reply.decoding.model_dump(exclude_defaults=True) if reply.decoding else {}
    return ", ".join(f"{key} {value}" for key, value in changed.items()) or None


def _rollouts(stage: Stage) -> Html:
    """What the journal kept of replies in the middle of training: the first, the last, some between."""
    kept = [entry for entry in stage.journal if entry.get("event") == "sample"]
    if not kept:
        return Html("")
    stride = max(1, -(-len(kept) // MAX_ROLLOUTS))
    heads = [both(code) for code in ("rollout", "prompt", "reply", "score")]
    rows = [_rollout(entry) for entry in [*kept[:-1:stride], kept[-1]]]
    title = tag(
        "summary", tag("bdi", stage.name), " · ", both("rollout-samples"), " — ", both("rollout-warning")
    )
    return tag("details", title, table(both("rollout-samples"), heads, rows), class_="warning")


def _rollout(entry: Mapping[str, object]) -> Html:
    score = entry.get("score")
    return tag(
        "tr",
        tag("td", entry.get("rollout", "—"), class_="number"),
        tag("td", tag("bdi", entry.get("prompt", ""))),
        tag("td", tag("bdi", entry.get("reply", ""))),
        tag("td", number(score) if isinstance(score, float) else "—", class_="number"),
    )
