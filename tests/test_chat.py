"""Python use: prompts byte for byte as KULLM's Prompter makes them, answers out of what a model wrote."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent / room) for room in ("models", "export")]

from families import write_family
from small_export import GREEDY, QUESTIONS, handed, make_run, our_answers

from dajeong.chat import Chat, Prompter
from dajeong.errors import DataProblem, UsageProblem
from dajeong.models.load import load_chat
from dajeong.templates import TEMPLATES

ROOT = Path(__file__).parents[1]
KULLM = (
    "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
    "### 명령어:\n{instruction}\n\n### 응답:\n"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("python")
    write_family(root / "neox", "neox")
    yield make_run(root / "run", root / "neox")


def test_the_prompt_is_kullms() -> None:
    assert Prompter().prompt("점심은?") == KULLM.format(instruction="점심은?")
    assert "### 입력:\n김밥" in Prompter("kullm").prompt("점심은?", "김밥")


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "plain"])
def test_an_answer_is_what_stands_behind_the_prompt(name: str) -> None:
    prompter = Prompter(name)
    prompt = prompter.prompt("점심은?")
    assert prompter.reply(f"{prompt} 김밥이요.<|endoftext|>### 명령어:\n또") == "김밥이요."
    assert prompter.reply(f"{prompt}김밥이요.", prompt) == "김밥이요."


def test_a_header_that_a_person_wrote_is_no_answer_where_the_prompt_is_given() -> None:
    prompter = Prompter("kullm")
    prompt = prompter.prompt("### 응답:\n이 뭐예요?")
    assert prompter.reply(f"{prompt}표시예요.", prompt) == "표시예요."


def test_text_without_a_header_is_refused() -> None:
    with pytest.raises(DataProblem, match="### 응답"):
        Prompter("kullm").reply("아무 말")
    with pytest.raises(UsageProblem, match="kullm"):
        Prompter("kulm")


def test_a_folder_brings_its_own_template(run: Path) -> None:
    prompter = Prompter(run / "models" / "policy")
    assert prompter.prompt("점심은?") == Prompter("koalpaca").prompt("점심은?")


def test_chat_answers_as_the_command_does(run: Path) -> None:
    chat, loaded = Chat(run), load_chat(str(run))
    ids = our_answers(run)[0]
    said = chat.reply(QUESTIONS[0], max_new_tokens=GREEDY.max_new_tokens)
    assert said and loaded.tokenizer.decode(ids).startswith(said.rstrip("\ufffd"))
    remembered = chat.reply(QUESTIONS[0], history=((QUESTIONS[1], "우산!"),), max_new_tokens=8)
    assert remembered and not said.startswith(remembered), "what was said before changes the answer"


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_block_of_the_readme_runs(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """As it stands there, beside an export of the name that it uses."""
    page = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1 and len(blocks[0].splitlines()) <= 10
    handed(run, tmp_path / "exported", "merged")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks[0], name, "exec"), {})
    assert capsys.readouterr().out.strip()
