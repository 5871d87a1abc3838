"""The report: one self-contained HTML file, made only from what the run left in its folder.

Opens from file://, asks no network for anything, runs no script. Knows no step and no model; the same folder
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dajeong.report.browser import browser
from dajeong.report.curves import curves
from dajeong.report.document import document
from dajeong.report.hacking import hacking
from dajeong.report.lineage import alarms, lineage
from dajeong.report.made import made
from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Run, Stage, read_run
from dajeong.report.samples import samples
from dajeong.report.tables import table, tables
from dajeong.report.verdict import verdict
from dajeong.report.words import both
from dajeong.storage import write_text


def write(run: Path) -> Path:
    """Build run/report.html from run/; a run with only some of its steps done has a page too."""
    path = run / "report.html"
    write_text(path, page(read_run(run)))
    return path


def page(run: Run) -> str:
    judged, rules = browser(run.stages)
    return document(f"{run.name} · 다정 보고서 · dajeong report", *_body(run, judged), rules=rules)


def _body(run: Run, judged: Html) -> tuple[Html, ...]:
    data, exploited = made(run.stages), hacking(run.stages)
    sections = {
        "verdict": verdict(run.figures),
        "results": tables(run.figures),
        **({"made": data} if data else {}),
        "samples": samples(run.stages),
        **({"judged": judged} if judged else {}),
        **({"hacking": exploited} if exploited else {}),
        "curves": curves(run.stages),
        "lineage": lineage(run) if run.stages else Html(""),
        "recipe": _folded(run),
    }
    contents = tag(
        "nav", *(tag("a", both(code), href=f"#{code}") for code in sections), aria_label="차례 / contents"
    )
    shown = (_section(code, inside) for code, inside in sections.items())
    main = tag("main", _problems(run.problems), alarms(run.stages), *shown)
    return tag("header", *_title(run), contents), main


def _title(run: Run) -> tuple[Html, ...]:
    return tag("h1", both("title"), ": ", tag("bdi", run.name)), tag("p", both("lead"), class_="quiet")


def _section(code: str, inside: Html) -> Html:
    return tag("section", tag("h2", both(code)), inside or tag("p", both("nothing")), id=code)


def _problems(problems: Sequence[str]) -> Html:
    if not problems:
        return Html("")
    items = tag("ul", *(tag("li", tag("bdi", problem)) for problem in problems))
    return tag("section", tag("h2", both("problems")), items, class_="alarm")


def _folded(run: Run) -> Html:
    recipe = tag("details", tag("summary", both("resolved")), tag("pre", tag("code", run.recipe)))
    versions = tag("details", tag("summary", both("versions")), _versions(run.stages))
    return joined(
        recipe if run.recipe else "", versions if any(stage.versions for stage in run.stages) else ""
    )


def _versions(stages: Sequence[Stage]) -> Html:
    """Name → version; where steps ran under different ones, all of them."""
    found: dict[str, dict[str, None]] = {}
    for stage in stages:
        for name, version in stage.versions.items():
            found.setdefault(name, {})[version] = None
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", " / ".join(seen))) for name, seen in found.items()
    ]
    return table(both("versions"), [both("facts"), both("value")], rows)
