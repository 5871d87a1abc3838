"""Judged answers side by side, the widest apart first. The style sheet alone sorts and filters: no script.

Buttons say what is asked for, `order` puts the cards in their places. A browser that cannot do that shows all
the cards. The rules are made of numbers only; no text reaches them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from dajeong.records import Reply
from dajeong.report.disagreement import ANY, Browsed, Judged, Verdict, View, browsed, spread
from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Stage
from dajeong.report.samples import answer, conversation, is_abusive
from dajeong.report.words import KINDS, METRICS, asking, both, named


def browser(stages: Sequence[Stage]) -> tuple[Html, Html]:
    """(what is shown, the rules that sort it); both empty where nothing was judged side by side."""
    found = [(stage, browsed(stage, stages)) for stage in stages]
    shown = [(stage.name, one) for stage, one in found if one is not None]
    parts = (_of_step(f"judged-{number}", step, one) for number, (step, one) in enumerate(shown))
    rules = [rule for number, (_, one) in enumerate(shown) for rule in _rules(f"judged-{number}", one)]
    return joined(*parts), Html(
        f"@supports selector(:has(*)) {{\n{chr(10).join(rules)}\n}}\n" if rules else ""
    )


def _of_step(identity: str, step: str, found: Browsed) -> Html:
    lead = both("judged-lead", total=found.total, apart=found.apart, each=found.each)
    cards = (_card(one, found) for one in found.prompts)
    none = tag("p", both("judged-none"), class_="none quiet")
    return joined(
        tag("h3", both("step"), ": ", tag("bdi", step)),
        tag("p", lead, class_="quiet"),
        tag("div", _filters(identity, found), tag("div", *cards, none, class_="cards"), id=identity),
    )


def _filters(identity: str, found: Browsed) -> Html:
    kinds = [both("judged-all"), *(named(KINDS, kind) for kind in found.kinds)]
    criteria = [both("judged-any"), *(named(METRICS, name) for name in found.criteria)]
    pairs = [_between(pair) for pair in found.pairs]
    offered = (("kind", "k", kinds), ("judged-criterion", "c", criteria), ("judged-between", "p", pairs))
    groups = (
        _group(code, f"{identity}-{letter}", names) for code, letter, names in offered if len(names) > 1
    )
    return tag("div", *groups, class_="filters")


def _between(authors: Sequence[str]) -> Html:
    names = (joined(" ↔ " if place else "", asking(author)) for place, author in enumerate(authors))
    return joined(*names)


def _group(code: str, name: str, choices: Sequence[Html]) -> Html:
    buttons = (
        tag(
            "label",
            tag("input", type="radio", name=name, id=f"{name}{place}", checked=not place),
            choice,
        )
        for place, choice in enumerate(choices)
    )
    return tag("fieldset", tag("legend", both(code)), *buttons)


def _card(one: Judged, found: Browsed) -> Html:
    views = list(_views(found))
    places = {where: found.places[view].get(one.prompt_id) for where, view in views}
    order = ";".join(f"--o{where}:{place}" for where, place in places.items() if place is not None)
    classes = " ".join(f"v{where}" for where, place in places.items() if place is not None)
    given = (_answer(author, one, found) for author in found.authors if author in one.replies)
    inside = joined(_asked(one), tag("div", *given, class_="answers"))
    if is_abusive(next(iter(one.replies.values())).kind):
        inside = tag("details", tag("summary", both("abusive-warning")), inside, class_="warning")
    kind = found.kinds.index(one.kind) + 1
    return tag("article", inside, class_=f"sample judged k{kind} {classes}", style=order)


def _asked(one: Judged) -> Html:
    first: Reply = next(iter(one.replies.values()))
    return joined(tag("small", named(KINDS, one.kind)), conversation(first.prompt))


def _answer(author: str, one: Judged, found: Browsed) -> Html:
    items = (_verdict(name, given, one, found) for name, given in one.verdicts[author].items())
    scores = tag("ul", *items, class_="scores")
    return answer(one.replies[author], scores, class_=f"answer a{found.authors.index(author)}")


def _verdict(criterion: str, given: Verdict, one: Judged, found: Browsed) -> Html:
    """What the models differ in stands out; a missing value says why."""
    name = named(METRICS, criterion)
    if given.value is None:
        missing = tag("span", both("judged-missing"), class_="quiet", title=given.reason)
        return tag("li", name, " ", missing)
    differs = spread(one, found.authors, criterion) > 0
    value = f"{given.value:.3g}".replace("-", "−")
    return tag("li", name, " ", tag("b" if differs else "span", value, class_="figure"))


def _views(found: Browsed) -> Iterator[tuple[str, View]]:
    """`pair-criterion` as the buttons number them."""
    criteria = (ANY, *found.criteria)
    for (pair, authors), (criterion, name) in product(enumerate(found.pairs), enumerate(criteria)):
        yield f"{pair}-{criterion}", View(authors, name)


def _rules(identity: str, found: Browsed) -> Iterator[str]:
    """Hide all; bring back what the view holds, in its order; leave out other kinds and other authors."""
    kinds = {one.prompt_id: found.kinds.index(one.kind) + 1 for one in found.prompts}
    yield f"#{identity} > .cards > * {{ display: none; }}"
    for where, view in _views(found):
        held = found.places[view]
        chosen = _chosen(identity, where, found)
        yield f"{chosen} > .cards > .v{where} {{ display: block; order: var(--o{where}); }}"
        yield from _empty(identity, chosen, {kinds[prompt] for prompt in held}, found)
    if len(found.kinds) > 1:
        for kind in range(1, len(found.kinds) + 1):
            other = f"#{identity}:has(#{identity}-k{kind}:checked) > .cards > .judged:not(.k{kind})"
            yield f"{other} {{ display: none !important; }}"
    for number, pair in enumerate(found.pairs[1:], start=1):
        for author in (place for place, name in enumerate(found.authors) if name not in pair):
            yield f"#{identity}:has(#{identity}-p{number}:checked) .a{author} {{ display: none; }}"


def _chosen(identity: str, where: str, found: Browsed) -> str:
    """The box while the buttons of this view are pressed; a group of one has no button."""
    pair, criterion = where.split("-")
    pressed = [f":has(#{identity}-c{criterion}:checked)"]
    pressed += [f":has(#{identity}-p{pair}:checked)"] if len(found.pairs) > 1 else []
    return f"#{identity}{''.join(pressed)}"


def _empty(identity: str, chosen: str, kinds: set[int], found: Browsed) -> Iterator[str]:
    """Where nothing is left to show, a sentence says so."""
    if not kinds:
        yield f"{chosen} > .cards > .none {{ display: block; }}"
    elif len(found.kinds) > 1:
        for kind in sorted(set(range(1, len(found.kinds) + 1)) - kinds):
            pressed = f"{chosen}:has(#{identity}-k{kind}:checked)"
            yield f"{pressed} > .cards > .none {{ display: block; }}"
