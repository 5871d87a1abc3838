"""The command line: results on stdout, the rest on stderr, one message an error, the designed exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dajeong import pipeline, steps
from dajeong.cli import main
from dajeong.messages import choose_language, text
from dajeong.printing import columns
from dajeong.records import Decoding, Result
from dajeong.terminal import Lines, progress_on
from tiny_kinds import CALLS, CHAIN, KINDS

Call = Callable[..., int]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAJEONG_LANG", "en")
    yield
    choose_language(None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with chain.yaml; the kinds are the tiny ones, and no page is drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(steps, "KINDS", KINDS)
    monkeypatch.setattr(pipeline, "REPORT", None)
    (tmp_path / "chain.yaml").write_text(CHAIN, encoding="utf-8")
    CALLS.clear()
    return tmp_path


def test_run_prints_results_with_n_and_interval(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "chain.yaml"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"ppo +- +count +rows +0\.500 +\[0\.400, 0\.600\] +30", out)
    assert "[1/4] world (make)" in err and "runs/chain/report.html" in err
    assert (folder / "runs/chain/results.json").is_file()


def test_run_again_says_what_was_done_already(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "chain.yaml"])
    capsys.readouterr()
    assert main(["run", "chain.yaml", "--explain"]) == 0
    out, err = capsys.readouterr()
    assert err.count("done already") == 4 and err.count("nothing it depends on has changed") == 4
    assert "0.500" in out


@pytest.mark.parametrize(
    "arguments", [["--json", "-q", "run", "chain.yaml"], ["run", "chain.yaml", "--json", "--quiet"]]
)
def test_global_options_work_before_and_after(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert [Result(**row).model for row in json.loads(out)] == ["sft", "ppo"]
    assert err == ""


def test_options_of_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["--set", "sft.updates=8", "--set", "sft.updates=9", "--set=seed=1"]
    assert main(["run", "chain.yaml", "--out", "그 폴더", *overrides, "--until", "sft"]) == 0
    assert CALLS == ["world", "sft"]
    recipe = (folder / "그 폴더/recipe.yaml").read_text(encoding="utf-8")
    assert "updates: 9" in recipe and "seed: 1" in recipe
    CALLS.clear()
    assert (
        main(["run", "chain.yaml", "--out", "그 폴더", *overrides, "--force", "world", "--until", "sft"]) == 0
    )
    assert CALLS == ["world"]


def test_dry_run_shows_the_steps_and_runs_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "chain.yaml", "--until", "sft", "--quiet"])
    CALLS.clear()
    assert main(["run", "chain.yaml", "--dry-run", "--set", "sft.updates=5"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.search(r"^step +kind +state +inputs +outputs$", lines[0])
    assert re.search(r"^world +make +done +- +rows, extra$", lines[1])
    assert re.search(r"^sft +learn +run: updates: 40 → 5 +world/rows +model$", lines[2])
    assert re.search(r"^check +check +run: not run yet +sft, ppo, world +results, replies$", lines[4])
    assert CALLS == [] and err == ""
    assert main(["run", "chain.yaml", "--dry-run", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["action"] for row in rows] == ["done", "done", "run", "run"]
    assert rows[2]["reasons"] == [{"code": "why-new"}]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["rnu"], 2, "Did you mean run?"),
        (["run", "chain.yaml", "--dry"], 2, "--dry-run"),
        (["run", "chain.yaml", "--nothing-like-it"], 2, "--nothing-like-it"),
        (["run", "chain.yaml", "extra"], 2, "extra"),
        (["run", "chain.yaml", "--set"], 2, "--set"),
        (["run", "chain.yaml", "--set", "sft.updats=1"], 2, "updates"),
        (["run", "none.yaml"], 3, "none.yaml"),
        (["run", "demoo"], 2, "demo"),
        (["--lang", "fr", "run"], 2, "ko, en"),
        (["run", "--lang"], 2, "ko, en"),
        (["chat"], 2, "MODEL"),
        (["run", "chain.yaml", "--until", "pqo"], 2, "ppo"),
    ],
)
def test_usage_errors_are_one_line_with_the_way_out(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == "" and says in err
    assert len(err.splitlines()) <= 3 and err.startswith("dajeong: ")
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [
        ("data", 3, "some.jsonl"),
        ("disk", 4, "disk is full"),
        ("bug", 1, "runs/f/error.txt"),
        ("pipe", 1, "BrokenPipeError"),
        ("stop", 143, "Run the same command"),
    ],
)
def test_failures_have_their_exit_codes(
    folder: Path, capsys: pytest.CaptureFixture[str], how: str, code: int, says: str
) -> None:
    (folder / "f.yaml").write_text(f"steps: {{f: {{use: fail, how: {how}}}}}", encoding="utf-8")
    assert main(["run", "f.yaml"]) == code
    out, err = capsys.readouterr()
    assert says in err and out == "" and "Traceback" not in err
    assert (folder / "runs/f/error.txt").exists() == (how != "stop")


def test_debug_shows_the_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "f.yaml").write_text("steps: {f: {use: fail, how: bug}}", encoding="utf-8")
    assert main(["run", "f.yaml", "--debug"]) == 1
    assert "ZeroDivisionError: nothing to divide by" in capsys.readouterr().err


def test_the_language_is_chosen_by_option_and_environment(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["rnu", "--lang", "ko"])
    assert "혹시 run?" in capsys.readouterr().err
    monkeypatch.setenv("DAJEONG_LANG", "ko")
    main(["--help"])
    assert "대화 모델" in capsys.readouterr().out
    main(["run", "--help", "--lang=en"])
    assert "Run a recipe" in capsys.readouterr().out


def test_help_version_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "run" in out and "chat" in out and "schema" in out
    assert main(["--version"]) == 0
    assert re.match(r"dajeong \d+\.\d+", capsys.readouterr().out)
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    sft = schema["$defs"]["step sft"]
    assert sft["properties"]["data"]["anyOf"] and sft["additionalProperties"] is False
    assert sft["required"] == ["use", "data"]
    assert sft["properties"]["tokens_per_update"]["description"].startswith("Token budget")
    assert schema["properties"]["scale"]["maximum"] == 1
    assert "title" in schema and schema["$schema"].endswith("2020-12/schema")


def test_every_reference_of_the_schema_leads_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])
    printed = capsys.readouterr().out
    definitions = json.loads(printed)["$defs"]
    assert set(re.findall(r'"#/\$defs/([^"]+)"', printed)) <= set(definitions)


def test_chat_loads_the_model_and_passes_the_wish_on(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[object, Decoding, int]] = []
    loading = SimpleNamespace(load_chat=lambda reference: f"model of {reference}")
    talking = SimpleNamespace(
        CHAT_DECODING=Decoding(top_p=0.9),
        chat=lambda model, decoding, seed: heard.append((model, decoding, seed)),
    )
    monkeypatch.setitem(sys.modules, "dajeong.models.load", loading)
    monkeypatch.setitem(sys.modules, "dajeong.serving.terminal", talking)
    assert main(["chat", "runs/demo", "--temperature", "0.2", "--seed", "3"]) == 0
    assert heard == [("model of runs/demo", Decoding(top_p=0.9, temperature=0.2), 3)]
    assert main(["chat", "runs/demo", "--temperature", "-1"]) == 2


def _dajeong(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dajeong", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from dajeong.cli import main; main(['--help']);"
        "heavy = ('torch', 'transformers', 'pydantic', 'httpx', 'rich', 'yaml', 'numpy');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and done.stderr == ""


def test_a_reader_that_goes_away_leaves_no_trace() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "dajeong", "schema"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


def test_hangul_is_safe_where_the_locale_knows_none() -> None:
    environment = os.environ | {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = _dajeong("rnu", "--lang", "ko", env=environment)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "run?" in done.stderr


def test_no_colour_codes_in_a_pipe_nor_with_no_color(folder: Path) -> None:
    shown = _on_a_terminal(folder, {"NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "40"})
    assert "[1/4] world (make)" in shown and "4/4" in shown
    assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", shown)


RUN_TINY = """\
import sys
import tiny_kinds
from dajeong import pipeline, steps
from dajeong.cli import main
steps.KINDS, pipeline.REPORT = tiny_kinds.KINDS, None
sys.exit(main(sys.argv[1:]))
"""


def _on_a_terminal(folder: Path, environment: dict[str, str]) -> str:
    """Everything a run shows when its stderr is a terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)} | environment
    command = [sys.executable, "-c", RUN_TINY, "run", "chain.yaml", "--out", "terminal"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux ends a closed terminal with EIO
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait() == 0
    return shown.decode("utf-8")


WAITING = """\
import sys, time
import tiny_kinds
from dajeong import pipeline, steps
from dajeong.cli import main

def wait(settings, work):
    print("waiting", flush=True)
    while True:
        if sys.argv[1] == "listens":
            work.check_stop()
        time.sleep(0.01)

tiny_kinds.wait = wait
tiny_kinds.KINDS["make"] = tiny_kinds.KINDS["make"]._replace(run="tiny_kinds:wait")
steps.KINDS, pipeline.REPORT = tiny_kinds.KINDS, None
sys.exit(main(["run", "chain.yaml", "--quiet"]))
"""


def _waiting(folder: Path, manner: str) -> subprocess.Popen[str]:
    """A run whose first step waits for ever."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", WAITING, manner]
    process = subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)
    assert process.stdout and process.stdout.readline() == "waiting\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_its_code_and_a_word(folder: Path, number: signal.Signals) -> None:
    process = _waiting(folder, "listens")
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert "world" in err and "Run the same command" in err and "Traceback" not in err


def test_a_second_signal_ends_a_run_that_does_not_listen(folder: Path) -> None:
    process = _waiting(folder, "is deaf")
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == -signal.SIGINT


def test_plain_lines_come_each_half_minute_and_at_the_end() -> None:
    now = 0.0
    stream = io.StringIO()
    lines = Lines(stream, clock=lambda: now)
    with lines.bar("training", 100, step="sft") as bar:
        for _ in range(100):
            now += 1.0
            bar.advance(note=f"loss {now:.0f}")
    label = text("training", step="sft")
    left = {30: "0:01:10", 60: "0:00:40", 90: "0:00:10"}
    assert stream.getvalue().splitlines() == [
        *(f"{label}: {n}/100 loss {n} {text('time-left', left=left[n])}" for n in left),
        f"{label}: 100/100 loss 100",
    ]


def test_a_resumed_bar_reckons_with_what_it_does_now() -> None:
    now = 0.0
    stream = io.StringIO()
    lines = Lines(stream, clock=lambda: now)
    with lines.bar("training", 100, step="sft") as bar:
        bar.advance(80)
        for _ in range(4):
            now += 10.0
            bar.advance()
    first, last = stream.getvalue().splitlines()
    assert text("time-left", left="0:02:50") in first and "84/100" in last


def test_a_closed_stream_never_stops_the_work() -> None:
    stream = io.StringIO()
    stream.close()
    lines = Lines(stream)
    with lines.bar("training", 2, step="sft") as bar:
        bar.advance(2)
    lines.say("why-new")


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with progress_on(stream, quiet=True) as progress:
        progress.say("why-new")
        with progress.bar("training", 1, step="x") as bar:
            bar.advance()
    assert stream.getvalue() == ""


def test_columns_stand_straight_with_hangul() -> None:
    assert columns([["이름", "n"], ["ab", "12"]]) == "이름  n\nab    12"
