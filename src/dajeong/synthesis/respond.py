"""The step `respond`: several authors answer the same prompts: services, local models, a file of replies.

Whoever wrote it, a reply goes through the same checks. What a service has answered is kept in the run's
`remote.sqlite`, what a local model has written in chunks: a killed step pays and writes nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from dajeong.errors import DataProblem
from dajeong.records import Dialogue, Message, Reply, last_user_text
from dajeong.remote.client import Client
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.remote.request import Failure
from dajeong.rollout.authored import reply_to
from dajeong.storage import read_records
from dajeong.synthesis.asking import CACHE, answered, estimator
from dajeong.synthesis.harvest import Harvest, harvest
from dajeong.synthesis.respond_checks import problems
from dajeong.synthesis.respond_services import reply_of, requests_of
from dajeong.synthesis.respond_settings import RespondSettings, ServiceAuthor
from dajeong.workplace import Workplace


def run(settings: RespondSettings, work: Workplace) -> None:
    """Writes `replies`, `rejects` and stats.json: author by author, prompt by prompt.

    Raises QualityProblem above `max_rejected`.
    """
    prompts = work.records("prompts", Dialogue)[: settings.max_prompts]
    for prompt in prompts:
        if not prompt.is_prompt:
            raise DataProblem("not-a-prompt", text=prompt.messages[-1].content[:60])
    with harvest(work) as found:
        responding = _Responding(settings, work, prompts, found)
        work.write("replies", responding.accepted())
        found.finish(responding.spent, authors=responding.by_author())
    if work.models("models"):
        from dajeong.rollout.replies import forget_unfinished

        forget_unfinished(work)


def estimate(settings: RespondSettings, work: Workplace) -> Estimate:
    """What the services will cost; models of one's own cost no money."""
    prompts = work.records("prompts", Dialogue)[: settings.max_prompts]
    found = NOTHING
    for name, author in settings.services.items():
        asked = requests_of(name, author, prompts, settings, work.seed)
        with estimator(author.service, work.run) as client:
            found += client.estimate(each.request for each in asked)
    return found


class _Responding:
    def __init__(
        self, settings: RespondSettings, work: Workplace, prompts: Sequence[Dialogue], found: Harvest
    ) -> None:
        self.settings, self.work, self.prompts, self.found = settings, work, prompts, found
        self.spent = 0.0
        self.kept: dict[str, list[tuple[bool, int | None]]] = {}
        self.rejected: Counter[str] = Counter()
        self.ids: set[str] = set()

    def accepted(self) -> Iterator[Reply]:
        for reply in self.offered():
            faults = problems(reply)
            if reply.id in self.ids:
                faults = {"repeated": "the same words, drawn the same way"}
            self.ids.add(reply.id)
            rule = next((name for name in faults if name in ("empty", "repeated", *self.settings.drop)), None)
            if rule is None:
                self.found.keep(reply.id, last_user_text(reply.prompt), reply.content, sorted(faults))
                ended = reply.stop_reason == "eos"
                self.kept.setdefault(reply.author, []).append((ended, reply.num_tokens))
                yield reply
            else:
                self.reject(reply.prompt_id, reply.author, rule, faults[rule], reply.content)
        self.found.check(self.settings.max_rejected)

    def offered(self) -> Iterator[Reply]:
        """Every author's replies, the good and the bad."""
        if self.work.models("models"):
            from dajeong.rollout.replies import written  # here: torch is loaded only for a local model

            yield from written(self.settings, self.work)
        for name, author in self.settings.services.items():
            yield from self.of_service(name, author)
        yield from self.of_files()

    def of_service(self, name: str, author: ServiceAuthor) -> Iterator[Reply]:
        asked = list(requests_of(name, author, self.prompts, self.settings, self.work.seed))
        with (
            Client(author.service, self.work.run / CACHE) as client,
            self.work.progress.bar("asking-service", len(asked), author=name) as bar,
        ):
            found = answered(client, [each.request for each in asked], bar, steps=1)
            for each, outcome in zip(asked, found, strict=True):
                if isinstance(outcome, Failure):
                    self.reject(each.prompt.id, name, outcome.code, outcome.detail, "")
                else:
                    self.found.paid(outcome.cost)
                    yield reply_of(each, outcome)
            self.spent += client.spent

    def of_files(self) -> Iterator[Reply]:
        """Replies and examples written elsewhere, where they answer one of the prompts."""
        wanted = {_key(prompt.messages): prompt for prompt in self.prompts}
        for file in self.work.inputs.get("written", ()):
            for author, messages, reply in _written(Path(file)):
                prompt = wanted.get(_key(messages))
                if prompt is None:
                    self.reject(reply.prompt_id, author, "other-prompt", "", reply.content)
                else:
                    yield reply.model_copy(update={"prompt_id": prompt.id, "prompt": prompt.messages})

    def reject(self, prompt_id: str, author: str, rule: str, detail: str, text: str) -> None:
        self.rejected[author] += 1
        said = f"{author}: {detail}" if detail else author
        self.found.reject(prompt_id, rule, said, text)

    def by_author(self) -> dict[str, dict[str, Any]]:
        authors = dict.fromkeys([*self.kept, *self.rejected])
        return {author: self._figures(author) for author in authors}

    def _figures(self, author: str) -> dict[str, Any]:
        mine = self.kept.get(author, [])
        lengths = [tokens for _, tokens in mine if tokens is not None]
        return {
            "replies": len(mine),
            "rejected": self.rejected[author],
            "ended_share": round(fmean(ended for ended, _ in mine), 4) if mine else None,
            "mean_tokens": round(fmean(lengths), 2) if lengths else None,
        }


def _key(messages: Sequence[Message]) -> tuple[tuple[str, str, str], ...]:
    """What makes two prompts the same, whatever their ids."""
    return tuple((each.role, each.content.strip(), (each.context or "").strip()) for each in messages)


def _written(file: Path) -> Iterator[tuple[str, tuple[Message, ...], Reply]]:
    """Author, prompt and reply of a file's records: replies, or examples, whose source is the author."""
    kind = Reply if _holds_replies(file) else Dialogue
    for record in read_records(file, kind):
        if isinstance(record, Reply):
            yield record.author, record.prompt, record
        elif isinstance(record, Dialogue) and not record.is_prompt:
            *before, answer = record.messages
            author = record.source or file.stem
            yield author, tuple(before), reply_to(record, answer.content, author)


def _holds_replies(file: Path) -> bool:
    """Told from the first line, which every record of the file is like."""
    with file.open("rb") as lines:
        return b'"prompt_id"' in lines.readline()
