"""The step `respond`: every author's replies with how they were drawn; faults by name; nothing paid twice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from making_step import Made, asked, left_behind, run_until, workplace

from dajeong.errors import DataProblem, EnvironmentProblem, QualityProblem
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Decoding, Dialogue, Message, Reply
from dajeong.synthesis import respond
from dajeong.synthesis.asking import CACHE
from dajeong.synthesis.respond_presets import PRESETS, SETS, preset_for
from dajeong.synthesis.respond_settings import RespondSettings, ServiceAuthor
from scripted_server import Script, Server, Written, error, scripted

QUESTIONS = ("점심에 무엇을 먹으면 좋을까요?", "비 오는 날에는 무엇을 할까요?", "요즘 잠이 잘 오지 않아요.")
PROMPTS = [asked(question, number, licence="Apache-2.0") for number, question in enumerate(QUESTIONS)]
GREEDY = Decoding(temperature=0, max_new_tokens=40)


def author(server: Server, **more: Any) -> ServiceAuthor:
    return ServiceAuthor(service=server.settings(price_in=1.0, price_out=2.0), **more)


def settings(
    server: Server, *, drop: tuple[str, ...] = ("cut", "broken", "language", "echo", "thoughts"), **more: Any
) -> RespondSettings:
    given = {"per_prompt": 2, "services": {"scripted": author(server)}, "drop": drop, "max_rejected": 1.0}
    return RespondSettings(**(given | more))


def friendly(messages: list[dict[str, str]]) -> str:
    return f"그러게요, 말씀하신 {len(messages[-1]['content'])}자를 잘 읽었어요."


def test_every_reply_says_who_wrote_it_and_how_it_was_drawn(tmp_path: Path) -> None:
    decoding = Decoding(temperature=0.7, top_p=0.9, max_new_tokens=99)
    with scripted(Script(reply=friendly)) as server:
        told = settings(
            server, decoding=decoding, services={"scripted": author(server, licence="Apache-2.0")}
        )
        made = Made(respond.run, told, tmp_path, {"prompts": PROMPTS})
        sent = [call.body for call in server.calls]
    replies = made.read("replies", Reply)
    assert [reply.prompt_id for reply in replies] == [prompt.id for prompt in PROMPTS for _ in range(2)]
    for reply in replies:
        assert (reply.author, reply.decoding, reply.stop_reason) == ("scripted", decoding, "eos")
        assert reply.licence == "Apache-2.0"
        assert reply.num_tokens and reply.meta["service"]["model"] == "scripted"
    assert len({reply.seed for reply in replies}) == len({reply.id for reply in replies}) == 6
    assert {body["seed"] for body in sent} == {reply.seed for reply in replies}
    assert {(body["temperature"], body["top_p"], body["max_tokens"]) for body in sent} == {(0.7, 0.9, 99)}
    assert made.stats["authors"]["scripted"]["ended_share"] == 1.0
    assert made.stats["cost"] == pytest.approx(server.dollars(1.0, 2.0))


def test_vaivs_presets_are_sent_as_vaiv_sent_them(tmp_path: Path) -> None:
    prompts = [asked("오늘 기분이 어때?", 1, "talk"), asked("너는 정말 바보야.", 2, "abusive")]
    with scripted(Script(reply=friendly)) as server:
        told = settings(server, per_prompt=1, services={"gpt": author(server, preset="vaiv")})
        made = Made(respond.run, told, tmp_path, {"prompts": prompts})
        sent = {call.body["messages"][1]["content"]: call.body for call in server.calls}
    talk, abusive = sent["Instruction: 오늘 기분이 어때? Response: "], sent["너는 정말 바보야."]
    assert talk["messages"][0]["role"] == "system" and talk["temperature"] == 0.5
    assert talk["messages"][0]["content"].startswith(
        "두 사람 간의 대화가 주어집니다. 다음의 지시문(Instruction)을"
    )
    assert talk["messages"][0]["content"].endswith("너무 길지 않고 간결하게 답변을 생성해주세요.")
    assert (
        abusive["messages"][0]["content"]
        == "혐오, 비난적 포함된 발언을 하면 그렇게 하지 않도록 적절히 유도해주세요."
    )
    assert abusive["temperature"] == 1.0
    assert [reply.meta["service"]["preset"] for reply in made.read("replies", Reply)] == [
        "vaiv-general-1",
        "vaiv-abusive-1",
    ]


def test_presets_have_versions_of_their_own_and_sets_name_presets() -> None:
    versions = [preset.version for preset in PRESETS.values()]
    assert len(versions) == len(set(versions)) and not set(SETS) & set(PRESETS)
    assert all(preset_for(name, kind) for name in SETS for kind in (*SETS[name], "anything"))
    assert all(preset.user.count("{prompt}") == 1 for preset in PRESETS.values())
    with pytest.raises(ValueError, match="vaiv-general"):
        ServiceAuthor.model_validate({"service": {"model": "m"}, "preset": "vaiv-generale"})


def test_an_author_may_draw_in_its_own_way_and_a_continuing_service_gets_one_text(tmp_path: Path) -> None:
    prompt = asked("짧게 말해 주세요.", 1).model_copy(
        update={"messages": (Message(role="user", content="짧게 말해 주세요.", context="하늘은 파래요."),)}
    )
    with scripted(Script(reply=friendly)) as server:
        bare = ServiceAuthor(
            service=server.settings(api="completions"), preset="friendly", decoding=GREEDY, send_seed=False
        )
        made = Made(
            respond.run,
            settings(server, per_prompt=1, services={"bare": bare}),
            tmp_path,
            {"prompts": [prompt]},
        )
        (body,) = [call.body for call in server.calls]
    assert (
        body["prompt"].endswith("짧게 말해 주세요.\n\n하늘은 파래요.")
        and body["temperature"] == 0
        and "seed" not in body
    )
    (reply,) = made.read("replies", Reply)
    assert (reply.decoding, reply.seed) == (GREEDY, None) and reply.prompt == prompt.messages


FAULTS = {
    "cut": Written("점심에는 따뜻한 국수를", "length"),
    "language": Written("You could have a bowl of noodles for lunch today."),
    "echo": Written(QUESTIONS[0]),
    "broken": Written("국수 어때\ufffd요?"),
    "empty": Written("  \n"),
    "refused-by-service": Written(None, refusal="no"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_faulty_reply_is_listed_under_its_own_name_and_never_accepted(rule: str, tmp_path: Path) -> None:
    def reply(messages: list[dict[str, str]]) -> str | Written:
        return FAULTS[rule] if messages[-1]["content"] == QUESTIONS[0] else friendly(messages)

    with scripted(Script(reply=reply)) as server:
        made = Made(respond.run, settings(server, per_prompt=1), tmp_path, {"prompts": PROMPTS})
        first = len(server.calls)
        assert [(reject.code, reject.file) for reject in made.rejects] == [(rule, "made:0")]
        assert [reply.prompt_id for reply in made.read("replies", Reply)] == ["made:1", "made:2"]
        Made(respond.run, settings(server, per_prompt=1), tmp_path, {"prompts": PROMPTS})
        again = len(server.calls) - first
    assert again == (1 if rule in ("empty", "refused-by-service") else 0), (
        "only what has no answer is asked again"
    )


def test_a_refusal_is_counted_and_goes_only_where_it_is_told_to(tmp_path: Path) -> None:
    with scripted(Script(reply=lambda messages: "죄송하지만 그 질문에는 답변을 드릴 수 없습니다.")) as server:
        kept = Made(respond.run, settings(server, per_prompt=1), tmp_path / "a", {"prompts": PROMPTS})
        with pytest.raises(QualityProblem):
            Made(
                respond.run,
                settings(server, per_prompt=1, drop=("refusal",)),
                tmp_path / "b",
                {"prompts": PROMPTS},
            )
    assert kept.stats["flagged"] == {"refusal": 3} and len(kept.read("replies", Reply)) == 3


def test_code_in_an_answer_is_no_foreign_language(tmp_path: Path) -> None:
    code = "이렇게 하세요.\n```python\nfor each in range(10):\n    print(each, total, average)\n```"
    with scripted(Script(reply=lambda messages: code)) as server:
        made = Made(respond.run, settings(server, per_prompt=1), tmp_path, {"prompts": PROMPTS})
    assert made.rejects == [] and len(made.read("replies", Reply)) == 3


def test_services_models_and_files_answer_the_same_prompts_side_by_side(tmp_path: Path) -> None:
    base = tmp_path / "base"
    write_tiny(
        base,
        [*QUESTIONS] * 4,
        TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=256),
        seed=0,
    )
    person = Reply(
        id="r", prompt_id="elsewhere", prompt=PROMPTS[0].messages, content="국수 어때요?", author="mina"
    )
    stray = Reply(id="s", prompt_id="x", prompt=asked("다른 질문", 9).messages, content="네.", author="mina")
    written = [person, stray, person]
    with scripted(Script(reply=friendly)) as server:
        services = {"large": author(server), "small": author(server, preset="friendly")}
        told = settings(server, services=services, decoding=Decoding(max_new_tokens=6), save_every=2, drop=())
        inputs = {"prompts": PROMPTS, "written": written}
        made = Made(respond.run, told, tmp_path / "run", inputs, tiny=str(base))
    replies = made.read("replies", Reply)
    by_author = {
        name: [reply for reply in replies if reply.author == name]
        for name in ("tiny", "large", "small", "mina")
    }
    listed = [reject for reject in made.rejects if reject.code != "empty"]
    empty = len(made.rejects) - len(listed)
    assert [len(found) for found in by_author.values()] == [6 - empty, 6, 6, 1] and len(replies) == 19 - empty
    assert {reply.decoding for reply in by_author["tiny"]} == {Decoding(max_new_tokens=6)}
    (one,) = by_author["mina"]
    assert (one.prompt_id, one.decoding, one.content) == ("made:0", None, "국수 어때요?")
    assert [reject.code for reject in listed] == ["other-prompt", "repeated"]
    assert not (made.work.folder / "unfinished").exists()
    assert made.stats["authors"]["mina"] == {
        "replies": 1,
        "rejected": 2,
        "ended_share": 0.0,
        "mean_tokens": None,
    }


def test_thoughts_of_a_service_are_left_out_and_those_in_a_file_drop_the_reply(tmp_path: Path) -> None:
    said = "<think>무엇이 좋을까</think> 국수 어때요?"
    written = [Reply(id="r", prompt_id="p", prompt=PROMPTS[1].messages, content=said, author="file")]
    with scripted(Script(reply=lambda messages: said)) as server:
        inputs = {"prompts": PROMPTS, "written": written}
        made = Made(respond.run, settings(server, per_prompt=1), tmp_path, inputs)
    assert [reply.content for reply in made.read("replies", Reply)] == ["국수 어때요?"] * 3
    assert [reject.code for reject in made.rejects] == ["thoughts"]


def test_examples_written_elsewhere_are_replies_of_their_source(tmp_path: Path) -> None:
    answer = Message(role="assistant", content="죽을 드셔 보세요.")
    example = Dialogue(id="e:1", source="people", messages=(*PROMPTS[0].messages, answer))
    made = Made(respond.run, RespondSettings(), tmp_path, {"prompts": PROMPTS, "written": [example]})
    (reply,) = made.read("replies", Reply)
    assert (reply.author, reply.prompt_id, reply.content) == ("people", "made:0", "죽을 드셔 보세요.")


def test_an_example_is_no_prompt(tmp_path: Path) -> None:
    example = Dialogue(id="e", messages=(*PROMPTS[0].messages, Message(role="assistant", content="네.")))
    with pytest.raises(DataProblem):
        Made(respond.run, RespondSettings(), tmp_path, {"prompts": [example]})


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem):
        Made(respond.run, RespondSettings(), tmp_path, {"prompts": PROMPTS}, lost=str(tmp_path / "nowhere"))


def test_the_price_is_known_before(tmp_path: Path) -> None:
    with scripted(Script(reply=friendly)) as server:
        told = settings(server, decoding=Decoding(max_new_tokens=60))
        work = workplace(tmp_path, {"prompts": PROMPTS})
        before = respond.estimate(told, work)
        assert before.requests == 6 and server.calls == [] and not (tmp_path / CACHE).exists()
        respond.run(told, work)
        assert before.low <= server.dollars(1.0, 2.0) <= before.high
        assert respond.estimate(told, work).high == 0


def test_a_busy_service_changes_nothing(tmp_path: Path) -> None:
    with scripted(Script(reply=friendly)) as server:
        whole = Made(respond.run, settings(server), tmp_path / "whole", {"prompts": PROMPTS})
        server.script.fault_of = lambda number, body: error(429, retry_after="0") if number % 3 == 0 else None
        busy = Made(respond.run, settings(server), tmp_path / "busy", {"prompts": PROMPTS})
    assert left_behind(busy.work.run) == left_behind(whole.work.run)


def test_killed_at_random_points_and_resumed_is_byte_for_byte_uninterrupted(tmp_path: Path) -> None:
    prompts = [asked(f"{number}번 이야기를 들려주세요.", number) for number in range(20)]
    with scripted(Script(reply=friendly)) as server:
        whole = Made(respond.run, settings(server), tmp_path / "whole", {"prompts": prompts})
    points = sorted(random.Random(4).sample(range(3, 36), 5))
    with scripted(Script(reply=friendly)) as server:
        service = server.settings(price_in=1.0, price_out=2.0, concurrency=4)
        told = settings(server, services={"scripted": ServiceAuthor(service=service)})
        run = tmp_path / "killed"
        workplace(run, {"prompts": prompts})
        for point in [*points, None]:
            run_until(server, "dajeong.synthesis.respond:run", told, run, point)
        assert left_behind(run) == left_behind(whole.work.run)
        assert 40 <= len(server.charged) <= 40 + 4 * len(points)
