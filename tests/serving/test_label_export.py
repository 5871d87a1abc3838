"""What votes come to: majorities, ties, rankings taken apart, figures that can be reckoned by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_parts import desk_of, items, new_id

from dajeong.artefacts import POSITION, comparisons, first_shown_wins
from dajeong.cli import main
from dajeong.serving import label_export
from dajeong.serving.label_export import Policy, as_lines, joined, neutral, preferences, raw
from dajeong.serving.label_figures import figures
from dajeong.serving.label_items import Item, kept
from dajeong.serving.label_votes import Groups, Vote, Votes

A, B, TIE, BAD = ((0,), (1,)), ((1,), (0,)), ((0, 1),), ((0, 1),)


def votes_of(said: dict[str, list[tuple[Item, str, Groups]]], **fields: object) -> Votes:
    votes = Votes()
    for annotator, given_votes in said.items():
        for item, verdict, ranking in given_votes:
            votes.add(
                Vote(
                    id=new_id(),
                    item=item.id,
                    annotator=annotator,
                    verdict=verdict,  # type: ignore[arg-type]
                    ranking=ranking,
                    order=tuple(range(len(item.responses))),
                    **fields,  # type: ignore[arg-type]
                )
            )
    return votes


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("ranked", A)], A),
        ([("ranked", B)], B),
        ([("ranked", A), ("ranked", A), ("ranked", B)], A),
        ([("ranked", A), ("ranked", B)], "tied"),
        ([("ranked", A), ("tie", TIE)], A),
        ([("tie", TIE)], "tied"),
        ([("both-bad", BAD)], "both-bad"),
        ([("both-bad", BAD), ("both-bad", BAD), ("ranked", B)], "both-bad"),
        ([("both-bad", BAD), ("ranked", B)], B),
        ([("skip", ())], "unlabelled"),
        ([("skip", ()), ("ranked", B)], B),
    ],
)
def test_majorities(said: list[tuple[str, Groups]], expected: Groups | str) -> None:
    (item,) = items(1)
    votes = votes_of({f"사람 {number}": [(item, *each)] for number, each in enumerate(said)})
    records, counts = preferences([item], votes)
    if isinstance(expected, str):
        assert records == [] and counts == {expected: 1}
    else:
        assert [record.ranking for record in records] == [expected] and counts == {"labelled": 1}
        several = sum(verdict != "skip" for verdict, _ in said) > 1
        assert records[0].labelled_by.startswith("human:majority" if several else "human:사람")


def test_the_policy_is_said_and_obeyed() -> None:
    one, two = items(2)
    votes = votes_of({"지우": [(one, "tie", TIE), (two, "both-bad", BAD)]})
    keep = Policy(ties="keep", both_bad="tie")
    assert [record.ranking for record in preferences([one, two], votes, keep)[0]] == [((0, 1),)] * 2
    assert preferences([one, two], votes)[1] == {"tied": 1, "both-bad": 1}


@given(st.lists(st.permutations(range(4)), min_size=1, max_size=5))
def test_of_strict_rankings_the_joint_one_is_bordas(orders: list[list[int]]) -> None:
    joint = joined([tuple((index,) for index in order) for order in orders], 4)
    points = {index: sum(order.index(index) for order in orders) for index in range(4)}
    flat = [points[index] for group in joint for index in group]
    assert flat == sorted(flat) and sorted(index for group in joint for index in group) == [0, 1, 2, 3]
    assert all(len({points[index] for index in group}) == 1 for group in joint)


def test_a_ranking_taken_apart_weighs_one_pair_in_each() -> None:
    (item,) = items(1, 4)
    votes = votes_of({"지우": [(item, "ranked", ((2,), (0,), (1,), (3,)))]})
    records, _ = preferences([item], votes, Policy(pairs=True))
    assert len(records) == 6 and {record.weight for record in records} == {1 / 6}
    assert len({record.id for record in records}) == 6
    contents = [(record.responses[0].author, record.responses[1].author) for record in records]
    order = [item.responses[index].author for index in (2, 0, 1, 3)]
    assert all(order.index(better) < order.index(worse) for better, worse in contents)
    (whole,), _ = preferences([item], votes)
    assert whole.weight == 1 and len(whole.pairs()) == 6


def test_where_it_was_shown_goes_along_for_the_baselines() -> None:
    assert label_export.POSITION == POSITION
    found = items(2)
    votes = votes_of({"지우": [(found[0], "ranked", A), (found[1], "ranked", B)]})
    records, _ = preferences(found, votes)
    assert first_shown_wins(comparisons(records)) == [1.0, 0.0]


def test_all_votes_come_out_those_taken_back_too(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, items(3))
    (vote,) = votes_of(
        {"지우": [(desk.items[0], "ranked", A)]}, reasons=("friendly",), strength=2
    ).events.values()
    assert isinstance(vote, Vote) and desk.vote(vote)
    desk.undo(new_id(), "지우", vote.id)
    (row,) = map(json.loads, as_lines(raw(desk.items, desk.votes)).splitlines())
    assert row["undone"] and row["reasons"] == ["friendly"] and row["responses"][0]["author"] == "ppo-7b"
    desk.close()


@given(st.text(max_size=12))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = neutral(text)
    assert cell.removeprefix("'") == text.removeprefix("'") or cell == f"'{text}"
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


# --- figures


def figure(rows: list, model: str, metric: str, task: str = "labels"):  # type: ignore[no-untyped-def,type-arg]
    (found,) = [row for row in rows if (row.model, row.task, row.metric) == (model, task, metric)]
    return found


def test_figures_reckoned_by_hand() -> None:
    """10 items: both say A on 4, B on 2; they differ on 4. p = .6, chance .5·.6 + .5·.4, κ = .2."""
    found = items(10, kind="normal")
    first = [A] * 5 + [B] * 5
    second = [A] * 4 + [B] + [A] * 3 + [B] * 2
    both = {
        name: [(item, "ranked", ranking) for item, ranking in zip(found, rankings, strict=True)]
        for name, rankings in (("가", first), ("나", [*second[:4], B, A, A, B, B, A]))
    }
    rows = figures(found, votes_of(both))
    agreed = figure(rows, "가 · 나", "agreement")
    assert (agreed.value, agreed.n) == (0.6, 10) and agreed.ci_low < 0.6 < agreed.ci_high
    kappa = figure(rows, "가 · 나", "cohen_kappa")
    assert kappa.value == pytest.approx((0.6 - 0.5) / 0.5) and kappa.ci_low < kappa.value < kappa.ci_high
    assert figure(rows, "가", "left_wins").value == 0.5, "all were shown the first on the left"
    assert figure(rows, "people", "left_wins").n == 20
    assert figure(rows, "가", "longer_wins").value == 0.5


def test_sides_and_lengths_are_told_apart() -> None:
    """Shown on either side, the longer one is always chosen."""
    (item,) = items(1)
    votes = votes_of({"가": [(item, "ranked", A)], "나": [(item, "ranked", A)]})
    turned = next(vote for vote in votes.events.values() if vote.annotator == "나")
    votes = Votes.of(
        [
            vote.model_copy(update={"order": (1, 0)}) if vote is turned else vote
            for vote in votes.events.values()
        ]
    )
    rows = figures([item], votes)
    assert [figure(rows, who, "left_wins").value for who in ("가", "나", "people")] == [1, 0, 0.5]
    assert figure(rows, "people", "longer_wins").value == 1


def test_ties_and_bad_ones_are_answers_and_skipped_ones_are_not() -> None:
    found = items(3, kind="normal")
    votes = votes_of(
        {
            "가": [(found[0], "tie", TIE), (found[1], "both-bad", BAD), (found[2], "ranked", A)],
            "나": [(found[0], "both-bad", BAD), (found[1], "both-bad", BAD), (found[2], "skip", ())],
        }
    )
    agreed = figure(figures(found, votes), "가 · 나", "agreement")
    assert (agreed.value, agreed.n) == (0.5, 2)


def test_kinds_and_judges_have_rows_of_their_own() -> None:
    found = [item.model_copy(update={"judged": {"judge:x": B}}) for item in items(6)]
    votes = votes_of({name: [(item, "ranked", A) for item in found] for name in ("가", "나")})
    rows = figures(found, votes)
    assert {row.task for row in rows} == {"labels", "labels/judge"} | {
        f"labels/{kind}" for kind in ("normal", "lookalike", "abusive")
    }
    assert figure(rows, "가 · judge:x", "agreement", "labels/judge").value == 0
    alpha = figure(rows, "people", "krippendorff_alpha")
    assert alpha.value is None, "one answer to everything: chance explains all of it"


def test_more_answers_are_compared_pair_by_pair() -> None:
    found = items(2, 3, kind="normal")
    votes = votes_of(
        {
            "가": [(found[0], "ranked", ((0,), (1,), (2,)))],
            "나": [(found[0], "ranked", ((0,), (2,), (1,)))],
        }
    )
    agreed = figure(figures(found, votes), "가 · 나", "agreement")
    assert (agreed.n, agreed.value) == (3, pytest.approx(2 / 3))


# --- the commands


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A folder of labels whose page was closed."""
    folder = tmp_path / "labels"
    folder.mkdir()
    found = kept(folder, items(4))
    desk = desk_of(folder, found)
    for vote in votes_of({"지우": [(item, "ranked", A) for item in found[:3]]}).events.values():
        desk.vote(vote)  # type: ignore[arg-type]
    desk.close()
    return folder


def test_e01_an_export_never_overwrites_unasked(
    labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    arguments = ["label", "export", "any.jsonl", "--labels", str(labelled), "--out", str(out), "--lang", "en"]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"records": 3, "labelled": 3, "unlabelled": 1}
    out.write_text("mine", encoding="utf-8")
    assert main(arguments) == 2 and "--force" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "mine"
    assert main([*arguments, "--force"]) == 0 and len(out.read_text(encoding="utf-8").splitlines()) == 3


def test_e01_an_export_that_fails_leaves_no_half_file(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dajeong.storage.os.fsync", full)
    out = tmp_path / "new" / "out.jsonl"
    for more in ([], ["--votes"]):
        assert main(["label", "export", "x", "--labels", str(labelled), "--out", str(out), *more]) == 4
    assert list(out.parent.iterdir()) == []


def test_agreement_is_a_table_or_json(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "agreement", "any.jsonl", "--labels", str(labelled)]) == 0
    assert "longer_wins" in capsys.readouterr().out
    assert main(["label", "agreement", "any.jsonl", "--labels", str(labelled), "--json"]) == 0
    assert {row["metric"] for row in json.loads(capsys.readouterr().out)} == {"left_wins", "longer_wins"}


@pytest.mark.parametrize("command", ["agreement", "export"])
def test_without_votes_it_says_how_to_begin(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["label", command, str(tmp_path / "none.jsonl"), "--lang", "en"]
    assert main([*arguments, *(["--out", str(tmp_path / "o")] if command == "export" else [])]) == 3
    assert "dajeong label" in capsys.readouterr().err


def test_a_csv_is_for_spreadsheets(labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "votes.csv"
    assert main(["label", "export", "x", "--labels", str(labelled), "--out", str(out), "--votes"]) == 0
    content = out.read_bytes()
    assert content.startswith("\ufeffid,".encode()) and content.decode("utf-8").count("지우") == 3
