"""The labelling page and what it asks for, over HTTP. Knows no vote: the desk does.

No GET changes anything. Texts go out as JSON and are put on the page as text.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import Field, ValidationError
from starlette.responses import PlainTextResponse, Response

from dajeong.errors import EnvironmentProblem
from dajeong.messages import text
from dajeong.records import Frozen
from dajeong.serving import problems
from dajeong.serving.label_desk import Desk
from dajeong.serving.label_export import Policy, as_csv, as_lines, preferences, raw
from dajeong.serving.label_sides import as_kept
from dajeong.serving.label_votes import (
    EventId,
    Groups,
    ItemId,
    Name,
    Reason,
    SkipReason,
    Stage,
    Verdict,
    Vote,
)
from dajeong.serving.label_words import WORDS
from dajeong.serving.one_page import one_page
from dajeong.serving.problems import ApiProblem, bad

AT_ONCE = 4
"""Items a page may have waiting, so that the next one is there before it is asked for."""
Beside = Annotated[tuple[ItemId, ...], Field(max_length=2 * AT_ONCE)]


class Asked(Frozen):
    annotator: Name
    want: int = Field(AT_ONCE, ge=0, le=AT_ONCE)
    beside: Beside = ()
    """Items that the page has already."""
    disputed: bool = False
    """Whether items to be settled are wanted in place of items to be labelled."""


class Given(Asked):
    id: EventId
    item: ItemId
    verdict: Verdict
    ranking: Groups = Field((), max_length=64)
    """By places, as shown."""
    stage: Stage = "first"
    strength: int | None = Field(None, ge=1, le=3)
    reasons: tuple[Reason, ...] = Field((), max_length=5)
    skip_reason: SkipReason = ""
    seconds: float | None = Field(None, ge=0, le=86_400)


class TakenBack(Frozen):
    id: EventId
    annotator: Name
    vote: EventId | None = None
    """Which one; else this annotator's last."""


def label_app(desk: Desk, title: str = "", place: str = "") -> FastAPI:
    """The application without its guard. `place` tells apart what browsers keep of several sets."""
    app = FastAPI(title="dajeong label", docs_url=None, redoc_url=None, openapi_url=None)
    problems.install(app)
    words = {key: list(each) for key, each in WORDS.items()}
    page = one_page("label_page", {"words": words, "title": title, "set": place})

    @app.get("/")
    def index() -> Response:
        return page.response()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/api/items")
    def items(asked: Asked) -> dict[str, Any]:
        return _next(desk, asked)

    @app.post("/api/votes")
    def vote(given: Given) -> dict[str, Any]:
        found = _vote(desk, given)
        stands = _kept(lambda: desk.vote(found))
        told = desk.judged(found) if desk.plan.show_judge else {}
        return {"stands": stands, "judged": told, **_next(desk, given)}

    @app.post("/api/undo")
    def undo(back: TakenBack) -> dict[str, Any]:
        found = _kept(lambda: desk.undo(back.id, back.annotator, back.vote))
        view = desk.view_of(found) if found else None
        return {"vote": found.id if found else None, "item": view, "progress": desk.progress(back.annotator)}

    @app.get("/api/figures")
    def figures() -> dict[str, Any]:
        return {"rows": [each.model_dump(mode="json") for each in desk.figures()]}

    @app.get("/api/export")
    def export(form: Literal["preferences", "votes", "csv"] = "preferences") -> Response:
        return _exported(desk, form)

    return app


def _next(desk: Desk, asked: Asked) -> dict[str, Any]:
    of = desk.disputes if asked.disputed else desk.turns
    found = of(asked.annotator, asked.want, asked.beside) if asked.want else []
    return {"items": found, "progress": desk.progress(asked.annotator)}


def _vote(desk: Desk, given: Given) -> Vote:
    """Places become responses. Raises ApiProblem where the ranking is none."""
    item = desk.item(given.item)
    shown = desk.shown(item, given.annotator, given.stage)
    chosen = given.model_dump(include=set(Vote.model_fields) - {"event", "ranking", "order", "at"})
    try:
        return Vote(**chosen, ranking=_as_kept(given.ranking, shown), order=shown)
    except (ValidationError, IndexError) as problem:
        raise bad("invalid_ranking", text("label-ranking", ranking=given.ranking), "ranking") from problem


def _as_kept(places: Groups, shown: tuple[int, ...]) -> Groups:
    if any(place < 0 for group in places for place in group):
        raise IndexError(places)
    return as_kept(places, shown)


def _kept(change: Any) -> Any:
    """What could not be kept the page keeps, and sends again."""
    try:
        return change()
    except EnvironmentProblem as problem:
        raise ApiProblem(503, "not_stored", str(problem)) from problem


def _exported(desk: Desk, form: str) -> Response:
    votes = desk.snapshot()
    if form == "csv":
        return _file(as_csv(raw(desk.items, votes)), "votes.csv", "text/csv")
    if form == "votes":
        return _file(as_lines(raw(desk.items, votes)), "votes.jsonl", "application/jsonl")
    records, _ = preferences(desk.items, votes, Policy())
    return _file(
        "".join(f"{each.model_dump_json()}\n" for each in records), "labels.jsonl", "application/jsonl"
    )


def _file(content: str, name: str, kind: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(content, headers=headers, media_type=kind)
