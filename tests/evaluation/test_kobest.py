"""The step `kobest`: what it writes, what it says of odd predictors, what a killed step does not repeat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kobest_rows import LABELS, TABLES, Saying, write_tables

from dajeong.cli import main
from dajeong.data.kobest_tasks import NAMES
from dajeong.errors import DataProblem
from dajeong.evaluation.kobest import UNFINISHED, LikelihoodsOf, measure
from dajeong.evaluation.kobest_figures import Answered, figures
from dajeong.evaluation.kobest_prompts import Item
from dajeong.evaluation.settings import KobestSettings
from dajeong.messages import choose_language
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Result, Score
from dajeong.storage import read_records
from dajeong.workplace import Workplace

ANSWERS = (" 아니오", "미끄러졌다.", "넘어졌다.", "젖었다.", "“끓인다”.", " 들어간다.", " 읽는다.", " 부정")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tables(tmp_path / "data")


def workplace(folder: Path, *models: str) -> Workplace:
    return Workplace(folder, "kobest", inputs={"models": models}, model_names={"models": models})


def of(**models: Saying) -> LikelihoodsOf:
    return lambda reference: models[reference]


def measured(
    data: Path, run: Path, settings: KobestSettings | None = None, **models: Saying
) -> dict[tuple[str, str, str, str | None], Result]:
    work = workplace(run, *models)
    measure(settings or KobestSettings(data=data), work, of(**models))
    rows = list(read_records(work.folder / "results.jsonl", Result))
    found = {(row.model, row.task, row.metric, row.versus): row for row in rows}
    assert len(found) == len(rows) or settings is not None
    return found


def test_every_task_has_its_figures_and_the_mean_stands_first(data: Path, tmp_path: Path) -> None:
    rows = measured(data, tmp_path, a=Saying(*ANSWERS))
    assert [(row.task, row.metric) for row in rows.values()] == [
        ("kobest", "macro_f1"),
        ("kobest/boolq", "macro_f1"),
        ("kobest/boolq", "accuracy"),
        ("kobest/copa", "macro_f1"),
        ("kobest/copa", "accuracy"),
        ("kobest/hellaswag", "macro_f1"),
        ("kobest/hellaswag", "accuracy"),
        ("kobest/hellaswag", "acc_norm"),
        ("kobest/sentineg", "macro_f1"),
        ("kobest/sentineg", "accuracy"),
        ("kobest/wic", "macro_f1"),
        ("kobest/wic", "accuracy"),
    ]
    assert {row.decoding for row in rows.values()} == {"lm-eval-0.4, 0-shot"}
    assert rows["a", "kobest/copa", "accuracy", None].value == 1, "two equal alternatives: the first counts"
    assert rows["a", "kobest/hellaswag", "macro_f1", None].value == 1
    boolq = rows["a", "kobest/boolq", "accuracy", None]
    assert boolq.value == pytest.approx(2 / 3) and boolq.n == 3
    assert all(row.ci_low <= row.value <= row.ci_high for row in rows.values())  # type: ignore[operator]


def test_a_predictor_of_one_label_is_called_degenerate(data: Path, tmp_path: Path) -> None:
    rows = measured(data, tmp_path, a=Saying(*ANSWERS))
    said = rows["a", "kobest/wic", "macro_f1", None].notes
    assert said == (
        "degenerate: 아니오 100.0%, always 아니오 would be 0.400; "
        "predicted 아니오 3, 예 0; answers 아니오 2, 예 1"
    )
    assert rows["a", "kobest/hellaswag", "macro_f1", None].notes == (
        "predicted #1 1, #2 1, #3 1, #4 0; answers #1 1, #2 1, #3 1, #4 0"
    )


def test_a_log_likelihood_that_is_no_number_is_missing_and_not_a_guess(data: Path, tmp_path: Path) -> None:
    rows = measured(data, tmp_path, a=Saying(None))
    assert all(row.value is None and row.n == 0 for row in rows.values())
    assert rows["a", "kobest/boolq", "accuracy", None].missing == 3
    assert rows["a", "kobest", "macro_f1", None].missing == 15


def test_two_models_are_compared_item_by_item(data: Path, tmp_path: Path) -> None:
    rows = measured(data, tmp_path, a=Saying(*ANSWERS), b=Saying(" 예", " 긍정", *ANSWERS[1:-1]))
    gain = rows["b", "kobest/wic", "accuracy", "a"]
    assert gain.value == pytest.approx(-1 / 3) and gain.n == 3 and "McNemar" in gain.notes
    assert rows["b", "kobest/copa", "macro_f1", "a"].value == 0
    compared = {task for _, task, _, versus in rows if versus}
    assert compared == {"kobest", *(f"kobest/{name}" for name in NAMES)}


def test_ties_go_to_the_first_choice_and_close_calls_are_counted() -> None:
    items = [Item(str(place), "", ("가", "나다"), 0) for place in range(3)]
    likely = [[-2.0, -2.0], [-2.0, -2.0 + 2e-6], [-1.0, -1.5]]
    answered = Answered("a", "x", "hellaswag", items, likely)
    assert answered.predictions() == [0, 1, 0]
    assert answered.predictions(normalised=True) == [1, 1, 1], "per character"
    assert "closer than 1e-05: 2" in figures([answered])[0].notes


def test_scores_hold_every_log_likelihood(data: Path, tmp_path: Path) -> None:
    measured(
        data, tmp_path, KobestSettings(data=data, tasks=("hellaswag",), max_records=2), a=Saying("이다.")
    )
    scores = list(read_records(tmp_path / "steps/kobest/scores.jsonl", Score))
    assert len(scores) == 2 * 4 and {score.kind for score in scores} == {"hellaswag"}
    assert [score.meta["choice"] for score in scores if score.meta["is_answer"]] == LABELS["hellaswag"][:2]
    assert {(score.criterion, score.method) for score in scores} == {("log-likelihood", "exact")}
    assert {score.value for score in scores} == {-2.0}


def test_shots_and_profiles_are_decodings_of_their_own(data: Path, tmp_path: Path) -> None:
    settings = KobestSettings(data=data, tasks=("wic",), profile="polyglot-2022", shots=(0, 2))
    model = Saying(" 예")
    measured(data, tmp_path, settings, a=model)
    rows = list(read_records(tmp_path / "steps/kobest/results.jsonl", Result))
    assert [row.decoding for row in rows] == ["polyglot-2022, 0-shot"] * 2 + ["polyglot-2022, 2-shot"] * 2
    assert rows[-1].notes == "examples drawn from 3 rows"
    assert sorted({text.count("\n\n") for text, _ in model.asked}) == [0, 2]


def test_a_killed_step_asks_only_what_is_left(data: Path, tmp_path: Path) -> None:
    class Dying(Saying):
        def log_likelihoods(self, pairs, apart=False):  # type: ignore[no-untyped-def]
            if len(self.asked) >= 12 or not self.likely:
                raise KeyboardInterrupt
            return super().log_likelihoods(pairs, apart)

    with pytest.raises(KeyboardInterrupt):
        measured(data, tmp_path / "cut", a=Dying(*ANSWERS))
    assert len(list((tmp_path / "cut/steps/kobest" / UNFINISHED).iterdir())) == 2
    other = KobestSettings(data=data, tasks=("boolq",), max_records=2)
    asked_otherwise = Saying(" 예")
    with pytest.raises(KeyboardInterrupt):
        measured(data, tmp_path / "cut", other, a=asked_otherwise, b=Dying())
    assert len(asked_otherwise.asked) == 4, "what was asked with other settings is not taken for an answer"
    again, fresh = Saying(*ANSWERS), Saying(*ANSWERS)
    measured(data, tmp_path / "cut", a=again)
    measured(data, tmp_path / "whole", a=fresh)
    assert len(again.asked) == len(fresh.asked) - 12
    for name in ("results.jsonl", "scores.jsonl"):
        one, other = (tmp_path / run / "steps/kobest" / name for run in ("cut", "whole"))
        assert one.read_bytes() == other.read_bytes()
    assert not (tmp_path / "cut/steps/kobest" / UNFINISHED).exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tasks": ("wic",)}, "kobest-no-table"),
        ({"shots": (2,)}, "kobest-no-table"),
        ({"shots": (4,), "tasks": ("boolq",)}, "kobest-few-examples"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, change: dict[str, object], code: str) -> None:
    data = write_tables(tmp_path / "data")
    (data / "WiC" / "test.tsv").unlink()
    if code == "kobest-no-table":
        (data / "COPA" / "train.tsv").unlink()
    with pytest.raises(DataProblem) as problem:
        measured(data, tmp_path, KobestSettings.model_validate({"data": data, **change}), a=Saying("예"))
    assert problem.value.code == code


# --- with a model, on the command line and in a recipe


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kobest") / "tiny"
    shape = TinySettings(layers=1, hidden=16, heads=2, vocabulary=400, positions=64)
    write_tiny(folder, TABLES.values(), shape, seed=1)
    return folder


def test_eval_kobest_prints_results(data: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "kobest", str(tiny), "--data", str(data), "--lang", "en"]
    assert main([*arguments, "--json", "--quiet"]) == 0
    rows = [Result.model_validate(row) for row in json.loads(capsys.readouterr().out)]
    assert {row.model for row in rows} == {"tiny"} and len(rows) == 12
    assert main([*arguments, "--shots", "0", "--shots", "2", "--set", "tasks=[copa]"]) == 0
    out = capsys.readouterr().out
    assert "kobest/copa" in out and "2-shot" in out and "predicted #1" in out
    assert main([*arguments, "--profile", "nine"]) == 2
    assert "polyglot-2022" in capsys.readouterr().err
    assert main(["eval", "kobest", str(tiny), "--data", str(data / "none"), "--lang", "en"]) == 3
    choose_language(None)


def test_a_recipe_measures_kobest_and_the_report_shows_it(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"threads: 1\nsteps:\n  look: {{use: kobest, models: [{tiny}], data: {data}}}\n", encoding="utf-8"
    )
    assert main(["run", str(recipe), "--out", str(tmp_path / "run"), "--lang", "en"]) == 0
    choose_language(None)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "KoBEST HellaSwag: what comes next" in page and "accuracy per character" in page
    assert len(json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))) == 12
