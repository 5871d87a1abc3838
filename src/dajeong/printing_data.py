"""A file of data as lines for people: its figures, and what the doctor found. Sees counts, no records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dajeong.data.doctor.finding import Baseline, Diagnosis, Finding
from dajeong.data.doctor.profile import Profile
from dajeong.messages import text
from dajeong.printing import columns


def profile_table(profile: Profile) -> str:
    return "\n\n".join([_head(profile), _kinds(profile), *_extras(profile)])


def diagnosis_table(diagnosis: Diagnosis) -> str:
    parts = [profile_table(diagnosis.profile)]
    if diagnosis.baselines:
        parts.append(_baselines(diagnosis.baselines))
    parts.append("\n".join(_findings(diagnosis)) or text("data-nothing-found"))
    return "\n\n".join(parts)


def sentence(finding: Finding) -> str:
    return text(f"doctor-{finding.code}", count=finding.count, of=finding.of, **finding.parameters)


def diagnosis_as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The figures as `stats` has them, and beside them what was found."""
    findings = [{**each.model_dump(mode="json"), "text": sentence(each)} for each in diagnosis.findings]
    return {
        **diagnosis.profile.model_dump(mode="json"),
        "baselines": [each.model_dump(mode="json") for each in diagnosis.baselines],
        "findings": findings,
        "allowed": list(diagnosis.allowed),
        "blocking": diagnosis.blocking,
    }


def _head(profile: Profile) -> str:
    counts = {"records": profile.records, "rows": profile.rows, "rejected": profile.rejected}
    return text("data-read-as", files=", ".join(profile.files), source=profile.source, **counts)


def _kinds(profile: Profile) -> str:
    names = ("kind", "records", "prompt-median", "prompt-p95", "answer-median", "answer-p95", "polite")
    header = [text(f"column-{name}") for name in names]
    return columns([header, *([kind, *_kind(profile, kind)] for kind in profile.by_kind)])


def _kind(profile: Profile, kind: str) -> list[str]:
    cells = [f"{profile.by_kind[kind]}"]
    for part in ("prompt", "answer"):
        found = profile.lengths_by_kind[kind].get(part)
        cells += [str(found.median), str(found.p95)] if found else ["-", "-"]
    return [*cells, _polite(profile.registers.get(kind, {}))]


def _polite(counts: Mapping[str, int]) -> str:
    polite = counts.get("haeyo", 0) + counts.get("hapsho", 0)
    known = polite + counts.get("banmal", 0)
    return f"{polite / known:.0%}" if known else "-"


def _extras(profile: Profile) -> Iterator[str]:
    named = {
        "data-licences": {licence or "-": count for licence, count in profile.by_licence.items()},
        "data-rejects": profile.rejects,
        "data-left-out": profile.left_out,
    }
    found = [text(code, counts=_listed(counts)) for code, counts in named.items() if counts]
    if found:
        yield "\n".join(found)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _baselines(found: tuple[Baseline, ...]) -> str:
    header = [text(f"column-{name}") for name in ("judge", "kind", "value", "interval", "n")]
    rows = (
        [each.name, each.kind or "*", f"{each.value:.3f}", f"[{each.low:.3f}, {each.high:.3f}]", str(each.n)]
        for each in found
    )
    return columns([header, *rows])


def _findings(diagnosis: Diagnosis) -> Iterator[str]:
    for each in diagnosis.findings:
        allowed = f" ({text('data-allowed')})" if each.code in diagnosis.allowed else ""
        yield f"{text(f'severity-{each.severity}')}{allowed} · {each.code}: {sentence(each)}"
        if each.examples:
            yield f"    {', '.join(each.examples)}"
