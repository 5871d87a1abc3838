"""One invented row of every source as it really looks. Mild, short, and of nobody's corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

QUESTION, ANSWER, WORSE = "점심 뭐 먹을까?", "김치찌개가 좋겠어요.", "몰라."
INSULT = "너는 참 바보야."


def utterance(number: int, speaker: str, form: str) -> dict[str, Any]:
    return {
        "id": f"SDRW2000000001.1.1.{number}",
        "form": form,
        "original_form": form,
        "speaker_id": speaker,
        "start": 0.5 * number,
        "end": f"{0.5 * number + 0.4}",
        "note": "",
    }


def talk(*said: tuple[str, str], topic: object = "식음료 > 점심", number: int = 1) -> dict[str, Any]:
    """A document of NIKL's in which each speaker says what is given."""
    identity = f"SDRW20000000{number:02}"
    return {
        "id": identity,
        "metadata": {"title": "일상 대화", "creator": "모두"},
        "document": [
            {
                "id": f"{identity}.1",
                "metadata": {"topic": topic, "speaker": [{"id": "SD2000001", "age": "20대"}]},
                "utterance": [utterance(place, *each) for place, each in enumerate(said, start=1)],
            }
        ],
    }


def sentence(number: int, text: str, types: list[str], immoral: bool, intensity: float) -> dict[str, Any]:
    return {
        "id": f"1-{number}",
        "speaker": number % 2 + 1,
        "origin_text": text,
        "text": text,
        "types": types,
        "is_immoral": immoral,
        "intensity": intensity,
        "intensity_sum": round(5 * intensity),
        "votes": [],
    }


TALKSET = {
    "id": "talkset-1",
    "sentences": [
        sentence(1, INSULT, ["CENSURE", "ABUSE"], True, 1.8),
        sentence(2, "그런 말은 하지 말자.", ["IMMORAL_NONE"], False, 0.0),
    ],
}
TURNS = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}]
SCORED = {
    "id": "conversaion_7",
    "prompt": QUESTION,
    "response1": f"{WORSE}<|endoftext|>",
    "scores1": [2.0, 5.0, 3.0, 3.0, 3.0, 2.5],
    "sum1": 18.5,
    "response2": f"{ANSWER}<|endoftext|>",
    "scores2": [5.0, 5.0, 4.5, 5.0, 5.0, 5.0],
    "sum2": 29.5,
}

ROWS: Mapping[str, dict[str, Any]] = {
    "alpaca": {"instruction": QUESTION, "input": "둘이서", "output": ANSWER},
    "koalpaca": {"instruction": QUESTION, "output": ANSWER, "url": "https://example.org/1"},
    "kullm": {"id": "dolly_1", "instruction": QUESTION, "input": "", "output": ANSWER},
    "dolly": {"instruction": QUESTION, "context": "둘이서.[3]", "response": ANSWER, "category": "open_qa"},
    "gpt4all": {"prompt": f"<p>{QUESTION}</p>", "response": f"{ANSWER}</s> \n", "source": "unified_chip2"},
    "evol": {"input": QUESTION, "output": ANSWER},
    "evol-seeds": {"idx": 1, "Skill": "Talk", "Difficulty": 2, "Instruction": QUESTION},
    "self-instruct": {
        "id": "seed_task_900",
        "name": "lunch",
        "instruction": QUESTION,
        "instances": [{"input": "", "output": ANSWER}],
        "is_classification": False,
    },
    "messages": {"messages": TURNS},
    "sharegpt": {
        "id": "Q_0",
        "conversations": [
            {"from": "gpt", "value": "어서 오세요."},
            {"from": "human", "value": QUESTION},
            {"from": "gpt", "value": f'<div class="markdown prose"><p>{ANSWER}</p></div>'},
            {"from": "human", "value": "고마워."},
        ],
    },
    "preference": {"prompt": QUESTION, "chosen": ANSWER, "rejected": WORSE},
    "trl": {"prompt": [TURNS[0]], "completion": [TURNS[1]]},
    "rlhf-reward": {
        "prompt": f"\n\nHuman: {QUESTION} \n\n",
        "chosen": f"Assistant: {ANSWER}",
        "rejected": f"Assistant: {WORSE}",
    },
    "columns": {"question": QUESTION, "answer": ANSWER},
    "dajeong": {"id": "own:1", "messages": TURNS},
    "nikl": talk(("1", "점심"), ("1", "뭐 먹을까?"), ("2", ANSWER)),
    "aihub-ethics": {"id": "talkset-1", "sentences": TALKSET["sentences"][:1]},
    "vaiv-sft": {"id": "conversation_1", "instruction": QUESTION, "input": None, "output": ANSWER},
    "vaiv-preference": {
        "id": "hatespeech0",
        "id2": "hatespeech_1",
        "prompt": INSULT,
        "chosen": "고운 말로 이야기해요.<|endoftext|>",
        "rejected": "응.<|endoftext|>",
    },
    "vaiv-scores": SCORED,
    "vaiv-prompts": {"id3": "evol_1", "prompt": QUESTION},
    "kobest": {"ID": "1", "Text": f"{QUESTION} 찌개를 먹었다.", "Question": "먹었는가?", "Answer": "TRUE"},
}
"""Source → one row of the commonest variant."""

OPTIONS: Mapping[str, dict[str, Any]] = {"columns": {"instruction": "question", "output": "answer"}}
"""Source → what it must be told to read its row."""


def varied(value: Any, number: int) -> Any:
    """The same row about something else: every sentence and every id gets a number."""
    if isinstance(value, Mapping):
        ids = ("id", "id3", "ID")
        return {key: f"{each}{number}" if key in ids else varied(each, number) for key, each in value.items()}
    if isinstance(value, list):
        return [varied(each, number) for each in value]
    found = next((text for text in _SENTENCES if isinstance(value, str) and text in value), None)
    return value.replace(found, f"{number}번째, {found}") if found else value


_SENTENCES = (QUESTION, ANSWER, INSULT, "점심")
