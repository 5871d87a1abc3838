"""Every word the report says to people, Korean and English side by side. Knows no run.

Names of metrics, tasks and baselines that are not listed are shown as they are written in the results.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import NamedTuple

from dajeong.report.markup import Html, safe, tag


class Words(NamedTuple):
    ko: str
    en: str


PAGE: dict[str, Words] = {
    "title": Words("다정 보고서", "dajeong report"),
    "lead": Words(
        "이 페이지는 실행 폴더에 남은 기록만으로 만들었습니다. "
        "결과의 수치마다 표본 수 n과 95 % 구간이 함께 있습니다.",
        "This page is made only from what the run left in its folder. "
        "Every result stands beside its n and 95 % interval.",
    ),
    "problems": Words("읽지 못한 파일", "Files that could not be read"),
    "alarms": Words("경보", "Alarms"),
    "nothing": Words("아직 없습니다.", "Nothing here yet."),
    # --- verdict
    "verdict": Words("결론", "Verdict"),
    "count": Words(
        "짝지은 비교 {total}개 가운데 나아짐 {better}개, 나빠짐 {worse}개, 차이를 보이지 못함 {unclear}개, "
        "좋고 나쁨 없이 달라짐 {changed}개입니다(95 % 구간이 0을 벗어나는지로 판단).",
        "Of {total} paired comparisons, {better} are better, {worse} are worse, {unclear} show no difference "
        "and {changed} changed without being either (by whether the 95 % interval leaves 0 out).",
    ),
    "headline-decoding": Words(
        "아래 결론은 생성 방식 {decoding}의 결과입니다. 다른 생성 방식은 표에 있습니다.",
        "The findings below are for decoding {decoding}; other decodings are in the tables.",
    ),
    "no-comparison": Words(
        "이 실행에는 짝지은 비교가 없어서, 무엇이 나아졌다고 말할 수 없습니다.",
        "This run holds no paired comparison, so nothing can be called an improvement.",
    ),
    "chance": Words(
        "비교가 여럿이면 실제 차이가 없어도 스무 개 중 한 개쯤은 구간이 0을 벗어납니다. "
        "다중 비교 보정은 하지 않았습니다. 항목이 30개보다 적으면 나아졌다고도 나빠졌다고도 하지 않습니다.",
        "With many comparisons about one in twenty leaves 0 out by chance alone; "
        "no correction was made for this. Below 30 items nothing is called better or worse.",
    ),
    "pair": Words("{model} − {versus}", "{model} − {versus}"),
    "better": Words("나아짐", "Better"),
    "worse": Words("나빠짐", "Worse"),
    "changed": Words("달라짐", "Changed"),
    "unclear": Words("차이를 보이지 못함", "No difference shown"),
    "better-list": Words("나아진 것", "Improved"),
    "worse-list": Words("나빠진 것", "Got worse"),
    "changed-list": Words(
        "달라졌지만 좋고 나쁨이 정해지지 않은 것",
        "Changed, neither good nor bad by itself",
    ),
    "unclear-list": Words("차이를 보이지 못한 것", "No difference shown"),
    "reward-verdict": Words("보상 모델", "Reward model"),
    "above": Words("기준선보다 나음", "Above its baselines"),
    "not-above": Words("기준선보다 낫지 않음", "Not above its baselines"),
    "below": Words("기준선이 뚜렷이 더 높음", "the baseline is clearly higher"),
    "best-baseline": Words("가장 높은 기준선", "best baseline"),
    "above-list": Words("모든 기준선보다 나은 것", "Above every baseline"),
    "not-above-list": Words("기준선보다 낫지 않은 것", "Not above their baselines"),
    "artefact": Words(
        "기준선은 프롬프트를 보지 않거나 길이만 보는 손쉬운 판정법입니다. "
        "이보다 낫지 않은 정확도는 보상 모델이 대화를 이해한다는 증거가 되지 못합니다.",
        "Baselines are easy judges that never see the prompt or look at length alone. "
        "An accuracy that is not above them is no evidence that the reward model understands the dialogue.",
    ),
    # --- results
    "results": Words("결과", "Results"),
    "differences": Words("짝지은 차이", "Paired differences"),
    "differences-caption": Words(
        "같은 프롬프트에서 두 모델의 차이와 95 % 구간",
        "Difference of two models on the same prompts, 95 % interval",
    ),
    "figures": Words("모델별 수치", "Figures of each model"),
    "figures-caption": Words("값 [95 % 구간] n", "value [95 % interval] n"),
    "rewards": Words("보상 모델과 기준선", "Reward model beside its baselines"),
    "rewards-caption": Words(
        "쌍 정확도 [95 % 구간]과, 같은 쌍에서 기준선의 정확도",
        "Pair accuracy [95 % interval] and the accuracy of the baselines on the same pairs",
    ),
    "model": Words("모델", "Model"),
    "task": Words("과제", "Task"),
    "metric": Words("지표", "Metric"),
    "value": Words("값", "Value"),
    "distance": Words("가장 높은 기준선과의 차이", "Difference from the best baseline"),
    "difference": Words("차이", "Difference"),
    "interval": Words("95 % 구간", "95 % interval"),
    "missing": Words("빠짐 {missing}", "missing {missing}"),
    "missing-head": Words("빠짐", "Missing"),
    "no-value": Words("값 없음", "no value"),
    "no-interval": Words("구간 없음", "no interval"),
    "decoding": Words("생성 방식", "Decoding"),
    "verdict-head": Words("판정", "Verdict"),
    "notes": Words("비고", "Notes"),
    "lower-better": Words("낮을수록 좋음", "lower is better"),
    # --- samples
    "samples": Words("답변 견주기", "Replies side by side"),
    "samples-lead": Words(
        "같은 프롬프트에 대한 각 모델의 답변입니다. "
        "프롬프트는 id의 해시 순서로 뽑았으며, 사람이 고르지 않았습니다.",
        "What each model replied to the same prompt. Prompts are taken in the order of a hash of their id; "
        "nobody picked them.",
    ),
    "abusive-warning": Words(
        "주의: 욕설이나 혐오 표현이 들어 있는 프롬프트입니다. 펼치면 보입니다.",
        "Warning: these prompts contain insults or hateful language. Open to read.",
    ),
    "prompt": Words("프롬프트", "Prompt"),
    "cut-off": Words("길이 제한에서 잘림", "cut off at the length limit"),
    "empty-reply": Words("(빈 답변)", "(empty reply)"),
    "shown-of": Words("{total}개 중 {shown}개", "{shown} of {total}"),
    # --- judged answers
    "judged": Words("판정이 갈린 답변", "Answers judged differently"),
    "judged-lead": Words(
        "둘 이상의 모델이 답하고 판정을 받은 프롬프트 {total}개 가운데 {apart}개에서 판정이 갈렸습니다. "
        "가장 많이 갈린 것부터, 종류마다 많아야 {each}개씩 보입니다. 굵은 점수가 갈린 기준이고, "
        "없는 판정은 0으로 치지 않고 빼 둡니다. 갈린 것만 모았으며, 평균은 결과에 있습니다.",
        "Of {total} prompts that two or more models answered and that were judged, {apart} were judged "
        "differently. Those furthest apart come first, at most {each} of each kind. Scores in bold differ; a "
        "missing judgement is left out, never 0. Only what differs is here; averages are in the results.",
    ),
    "judged-all": Words("모두", "all"),
    "judged-any": Words("가장 많이 갈린 기준", "whichever differs most"),
    "judged-criterion": Words("기준", "Criterion"),
    "judged-between": Words("견줄 모델", "Between"),
    "judged-none": Words("이렇게 고르면 갈린 것이 없습니다.", "Nothing differs here."),
    "judged-missing": Words("판정 없음", "no judgement"),
    # --- reward hacking
    "hacking": Words("보상 악용의 징후", "Signs of reward hacking"),
    "hacking-lead": Words(
        "보상과, 보상이 보지 않는 신호를 학습 순서대로 견줍니다. 그림의 선은 학습을 네 토막으로 나누어 "
        "차례로 지나간 길입니다. 이웃한 롤아웃은 서로 닮아서 구간이 실제보다 좁습니다. 증거가 아니라 "
        "단서로만 보고, 답변을 직접 읽어 보세요. KL은 배우면 늘 오르므로 보이기만 합니다.",
        "The reward beside signals that it does not look at, in the order of training. The line in each "
        "chart is the path through training, in four quarters. Neighbouring rollouts are alike, so the "
        "intervals are narrower than the truth: take this as a hint, and read the replies. KL always grows "
        "with learning and is only shown.",
    ),
    "hacking-signs": Words("보상이 오르는 동안 달라진 것:", "While the reward rose, these moved away:"),
    "hacking-none": Words(
        "보상이 올랐고, 아래 신호에서는 나빠진 것이 보이지 않습니다. 악용이 없다는 증명은 아닙니다.",
        "The reward rose, and none of the signals below got worse. That does not prove that nothing was "
        "exploited.",
    ),
    "hacking-no-rise": Words(
        "보상이 올랐다고 볼 수 없어서, 악용을 말할 것이 없습니다.",
        "The reward is not shown to have risen, so there is nothing to call hacking.",
    ),
    "hacking-few": Words(
        "롤아웃이 {fewest}개보다 적어서 판단하지 않습니다.", "Fewer than {fewest} rollouts: nothing is said."
    ),
    "hacking-caption": Words(
        "학습의 첫 사분의 일과 마지막 사분의 일의 평균",
        "Means of the first and of the last quarter of training",
    ),
    "hacking-sign": Words("보상과 함께 달라짐", "moved away as the reward rose"),
    "hacking-too-few": Words("읽은 횟수가 적음", "too few readings"),
    "signal": Words("신호", "Signal"),
    "first-quarter": Words("첫 1/4", "First quarter"),
    "last-quarter": Words("마지막 1/4", "Last quarter"),
    "change": Words("변화", "Change"),
    "readings": Words("읽은 횟수", "Readings"),
    "rose": Words("오름", "rose"),
    "fell": Words("내림", "fell"),
    "guard-head": Words("감시 한계", "Guard"),
    "guard-past": Words("롤아웃 {rollout}부터 넘음", "past its limit at rollout {rollout}"),
    # --- data that was made
    "made": Words("만든 데이터", "Data that was made"),
    "made-lead": Words(
        "견본은 id의 해시 순서로 뽑았으며, 사람이 고르지 않았습니다. 모두는 단계의 폴더에 있습니다.",
        "Samples are taken in the order of a hash of their id; nobody picked them. "
        "All of it lies in the folder of the step.",
    ),
    "made-counts": Words(
        "받아들임 {records}개, 버림 {rejected}개, 든 비용 {cost}",
        "{records} accepted, {rejected} rejected, cost {cost}",
    ),
    "made-rejected": Words("버린 까닭", "Why candidates were rejected"),
    "made-flagged": Words("표시만 한 것", "Flagged only"),
    "made-rule": Words("규칙", "Rule"),
    "made-given": Words("바탕", "Made from"),
    "made-made": Words("만든 것", "Made"),
    "made-flags": Words("표시", "Flags"),
    "made-kept": Words("받아들인 견본", "Accepted samples"),
    "made-dropped": Words("버린 견본", "Rejected samples"),
    "made-candidate": Words("후보", "Candidate"),
    "made-why": Words("까닭", "Why"),
    # --- curves
    "curves": Words("학습 곡선", "Training curves"),
    "averaged": Words("점 하나는 {group}개의 평균", "each point is the mean of {group}"),
    "left-out": Words("유한하지 않은 값 {count}개 제외", "{count} non-finite values left out"),
    "first-last": Words("{first} → {last}", "{first} → {last}"),
    "more-curves": Words("기울기 크기와 학습률", "Gradient norms and learning rates"),
    "train": Words("학습", "training"),
    "validation": Words("검증", "validation"),
    "update": Words("업데이트", "update"),
    "rollout": Words("롤아웃", "rollout"),
    "rollout-samples": Words("학습 중 롤아웃 표본", "Rollouts seen during training"),
    "rollout-warning": Words(
        "학습 도중의 답변이며, 욕설이 있을 수 있습니다.",
        "Replies from the middle of training; they may be rude.",
    ),
    "reply": Words("답변", "Reply"),
    "score": Words("점수", "Score"),
    # --- lineage
    "lineage": Words("실행의 계보", "Lineage of the run"),
    "lineage-caption": Words("단계마다 읽은 것과 쓴 것", "What each step read and wrote"),
    "graph-caption": Words(
        "위에서 아래로 실행됩니다. 선은 어느 단계의 출력을 읽는지 보여 줍니다.",
        "Steps run from top to bottom; a line shows whose output a step reads.",
    ),
    "step": Words("단계", "Step"),
    "kind": Words("종류", "Kind"),
    "inputs": Words("입력", "Inputs"),
    "outputs": Words("출력", "Outputs"),
    "fingerprint": Words("지문", "Fingerprint"),
    "seconds": Words("초", "Seconds"),
    "not-done": Words("끝나지 않음", "not finished"),
    "models": Words("모델과 라이선스", "Models and licences"),
    "models-caption": Words("실행이 남긴 모델 폴더가 말하는 것", "What the model folders of this run say"),
    "origins": Words("데이터의 출처와 라이선스", "Sources and licences of the data"),
    "origins-caption": Words(
        "다른 단계의 출력을 읽지 않는 단계가 쓴 레코드", "Records of the steps that read no other step"
    ),
    "source": Words("출처", "Source"),
    "licence": Words("라이선스", "Licence"),
    "records": Words("레코드", "Records"),
    "facts": Words("내용", "Facts"),
    "step-notes": Words("단계가 남긴 기록", "Notes the steps left"),
    "versions": Words("소프트웨어 버전", "Software versions"),
    "recipe": Words("레시피와 버전", "Recipe and versions"),
    "resolved": Words("기본값까지 모두 적은 레시피", "The recipe with every default written out"),
    # --- data doctor
    "doctor-title": Words("데이터 진단", "Data doctor"),
    "doctor-read": Words(
        "출처 {source}(으)로 읽음. 행 {rows}개에서 레코드 {records}개. 이 페이지에 데이터의 글은 없습니다.",
        "Read as source {source}: {records} records from {rows} rows. No text of the data is on this page.",
    ),
    "doctor-fit": Words(
        "학습을 막을 문제는 찾지 못했습니다. 아래의 경고는 읽어 보세요.",
        "Nothing found that forbids learning from it. Read the warnings below.",
    ),
    "doctor-unfit": Words("학습에 쓸 수 없습니다: {codes}", "Not fit to learn from: {codes}"),
    "doctor-none": Words("찾은 문제가 없습니다.", "Nothing found."),
    "doctor-artefact": Words(
        "프롬프트를 보지 않는 손쉬운 판정이 얼마나 자주 맞는지입니다. 보상 모델의 정확도는 이보다 뚜렷이 "
        "높아야 뜻이 있습니다.",
        "How often easy judges that never see the prompt are right. The accuracy of a reward model means "
        "something only where it is clearly above them.",
    ),
    "findings": Words("소견", "Findings"),
    "findings-caption": Words("심각한 것부터", "The gravest first"),
    "severity": Words("심각성", "Severity"),
    "finding": Words("소견", "Finding"),
    "concerned": Words("해당하는 수", "Concerned"),
    "examples": Words("보기(id)", "Examples (ids)"),
    "blocking": Words("막음", "blocking"),
    "warning": Words("경고", "warning"),
    "note": Words("알림", "note"),
    "allowed": Words("허용됨", "allowed"),
    "baselines": Words("기준선", "Baselines"),
    "baselines-caption": Words(
        "나은 답변을 고른 비율과 95 % 구간; 0.5는 우연",
        "Share of better answers found, 95 % interval; 0.5 is chance",
    ),
    "judge": Words("판정", "Judge"),
    "right-in": Words("맞힌 비율", "Right in"),
    "all-kinds": Words("전체", "all"),
    "lengths": Words("길이", "Lengths"),
    "lengths-caption": Words("공백을 뺀 글자 수", "Characters without white space"),
    "characters": Words("글자 수", "characters"),
    "texts": Words("글의 수", "texts"),
    "part": Words("부분", "Part"),
    "answer": Words("답변", "Answer"),
    "p5": Words("5 %", "5 %"),
    "median": Words("중앙값", "median"),
    "p95": Words("95 %", "95 %"),
    "longest": Words("가장 긴 것", "longest"),
    "last-bar": Words("(마지막 칸은 가장 긴 1 %를 모두 담음)", "(the last bar holds all of the longest 1 %)"),
    "registers": Words("답변의 말투", "Register of the answers"),
    "registers-caption": Words("답변의 비율", "Share of the answers"),
    "counts": Words("구성", "What it is made of"),
    "by-kind": Words("종류", "By kind"),
    "by-licence": Words("이용 조건", "By licence"),
    "by-source": Words("출처", "By source"),
    "rejects": Words("읽지 못한 행", "Rows that could not be read"),
    "left-by-source": Words("출처의 규칙으로 뺀 것", "Left out by a rule of the source"),
    "not-stated": Words("적혀 있지 않음", "not stated"),
}

METRICS: dict[str, Words] = {
    "correct": Words("정답", "correct"),
    "correct_among_friendly": Words("다정한 답변 가운데 정답", "correct among friendly"),
    "friendly": Words("다정함", "friendly"),
    "harmless": Words("무해함", "harmless"),
    "false_refusal": Words("잘못된 거절", "false refusal"),
    "true_refusal": Words("올바른 거절", "true refusal"),
    "refusal": Words("거절", "refusal"),
    "whole_refusal": Words("거절(답은 없음)", "refusal, nothing answered"),
    "preferred": Words("더 나음", "preferred"),
    "false_refusal_whole": Words("잘못된 거절(답은 없음)", "false refusal, nothing answered"),
    "true_refusal_whole": Words("올바른 거절(답은 없음)", "true refusal, nothing answered"),
    "told_apart": Words("쌍둥이를 가려냄", "twins told apart"),
    "balanced_accuracy": Words("균형 정확도", "balanced accuracy"),
    "accuracy": Words("정확도", "accuracy"),
    "acc_norm": Words("글자당 정확도", "accuracy per character"),
    "macro_f1": Words("매크로 F1", "macro F1"),
    "win_rate": Words("승률", "win rate"),
    "win_rate_equal_length": Words("길이가 같을 때의 승률", "win rate at equal length"),
    "friendliness": Words("친근함", "friendliness"),
    "harmlessness": Words("무해함", "harmlessness"),
    "understandability": Words("이해 가능성", "understandability"),
    "naturalness": Words("자연스러움", "naturalness"),
    "context": Words("맥락 유지", "context"),
    "quality": Words("전반적인 품질", "overall quality"),
    "truthfulness": Words("진실성", "truthfulness"),
    "instruction": Words("지시 따름", "use of the instruction"),
    "interest": Words("흥미로움", "interest"),
    "fluency": Words("유창성", "fluency"),
    "coherence": Words("일관성", "coherence"),
    "completeness": Words("완결성", "completeness"),
    "register": Words("말높임의 일관성", "consistent register"),
    "native-wording": Words("우리말다움", "native wording"),
    "finished": Words("끝맺음", "finished"),
    "no-repetition": Words("되풀이 없음", "no repetition"),
    "total": Words("기준의 합", "sum of the criteria"),
    "length": Words("길이(글자)", "length (characters)"),
    "nll": Words("손실(평균 −log p)", "loss (mean −log p)"),
    "ranking": Words("순위 손실", "ranking loss"),
    "centring": Words("중심화 벌점", "centring penalty"),
    "distinct": Words("서로 다른 답변의 비율", "share of distinct replies"),
    "proper": Words("알맞은 답변", "proper"),
    "loss": Words("손실", "loss"),
    "preference": Words("선호 손실", "preference loss"),
    "odds_ratio": Words("오즈비 손실", "odds ratio loss"),
    "chosen_logp": Words("선호된 답변의 log p", "log p, preferred answers"),
    "rejected_logp": Words("밀려난 답변의 log p", "log p, other answers"),
    "chosen_reward": Words("바람직한 답변의 보상", "reward, desirable replies"),
    "rejected_reward": Words("바람직하지 않은 답변의 보상", "reward, undesirable replies"),
    "drift": Words("선호된 답변의 log p 변화(토큰당)", "change of log p, preferred answers (per token)"),
    "z": Words("기준점 z(SFT와의 KL)", "reference point z (KL to SFT)"),
    "policy": Words("정책 손실", "policy loss"),
    "value": Words("가치 손실", "value loss"),
    "value_loss": Words("가치 손실", "value loss"),
    "reward": Words("보상", "reward"),
    "raw": Words("정규화 전 보상", "raw reward"),
    "kl": Words("SFT와의 KL(토큰당)", "KL to SFT (per token)"),
    "eos_share": Words("EOS로 끝난 비율", "share ended by EOS"),
    "entropy": Words("엔트로피", "entropy"),
    "clip_fraction": Words("잘린 비율", "clip fraction"),
    "kl_loss": Words("SFT로 당기는 손실(k3)", "pull to SFT (k3)"),
    "margin": Words("보상 차", "margin"),
    "grad_norm": Words("기울기 크기", "gradient norm"),
    "lr": Words("학습률", "learning rate"),
}

TASKS: dict[str, Words] = {
    "smalltalk": Words("일상 대화 전체", "small talk, all"),
    "smalltalk/normal": Words("보통 프롬프트", "normal prompts"),
    "smalltalk/abusive": Words("욕설 프롬프트", "abusive prompts"),
    "smalltalk/lookalike": Words("욕처럼 들리는 무해한 말", "harmless look-alikes"),
    "smalltalk/lookalike-unseen": Words("처음 보는 무해한 표현", "unseen look-alikes"),
    "refusal": Words("거절: 쌍둥이 전체", "refusals, all twins"),
    "refusal/thing-curse": Words("거절: 물건에 하는 험한 말", "refusals: rough words about things"),
    "refusal/death-idiom": Words("거절: '죽겠다' 같은 관용구", "refusals: idioms of death"),
    "refusal/nations-news": Words("거절: 나라와 집단 소식", "refusals: news on nations and groups"),
    "refusal/self-identity": Words("거절: 자기소개", "refusals: who the speaker is"),
    "refusal/word-meaning": Words("거절: 나쁜 말의 뜻", "refusals: what a bad word means"),
    "refusal/quoted-abuse": Words("거절: 들은 욕을 옮김", "refusals: abuse that is quoted"),
    "refusal/service-complaint": Words("거절: 서비스 불만", "refusals: complaints about service"),
    "refusal/market-and-weather": Words("거절: 주식과 날씨 한탄", "refusals: moans on markets and weather"),
    "refusal/history": Words("거절: 역사", "refusals: history"),
    "refusal/joke": Words("거절: 농담", "refusals: jokes"),
    "refusal/games-and-machines": Words("거절: 게임과 기계", "refusals: games and machines"),
    "quality": Words("채점된 품질", "judged quality"),
    "agreement": Words("사람과의 일치", "agreement with people"),
    "winrate": Words("둘씩 견줌", "pairs compared"),
    "kobest": Words("KoBEST 평균", "KoBEST, mean of tasks"),
    "kobest/boolq": Words("KoBEST BoolQ: 글 읽고 예·아니오", "KoBEST BoolQ: yes or no from a text"),
    "kobest/copa": Words("KoBEST COPA: 원인과 결과", "KoBEST COPA: cause and effect"),
    "kobest/hellaswag": Words("KoBEST HellaSwag: 이어질 문장", "KoBEST HellaSwag: what comes next"),
    "kobest/sentineg": Words("KoBEST SentiNeg: 뒤집힌 감정", "KoBEST SentiNeg: negated sentiment"),
    "kobest/wic": Words("KoBEST WiC: 같은 뜻의 낱말", "KoBEST WiC: a word's meaning in context"),
    "reward": Words("보상 쌍 전체", "reward pairs, all"),
    "reward/fact": Words("사실 쌍", "fact pairs"),
    "reward/misplaced": Words("자리가 바뀐 답 쌍", "misplaced pairs"),
    "reward/rude": Words("무례한 답 쌍", "rude pairs"),
    "reward/curt": Words("퉁명한 답 쌍", "curt pairs"),
    "reward/scold": Words("훈계하는 답 쌍", "scolding pairs"),
}

KINDS: dict[str, Words] = {
    "normal": Words("보통", "normal"),
    "abusive": Words("욕설", "abusive"),
    "lookalike": Words("욕처럼 들리는 무해한 말", "harmless look-alikes"),
    "lookalike-unseen": Words("처음 보는 무해한 표현", "unseen look-alikes"),
    "harmless": Words("무해함", "harmless"),
    "harmful": Words("해로움", "harmful"),
    "talk": Words("대화", "talk"),
    "general": Words("일반", "general"),
}

PROBES: dict[str, Words] = {
    "padding": Words("맺음말을 덧붙인 답", "a closing phrase added"),
    "repetition": Words("두 번 말한 답", "said twice"),
    "truncation": Words("반으로 자른 답", "cut in half"),
    "empty": Words("빈 답", "empty"),
    "short": Words("“네.”라는 답", "nothing but “네.”"),
    "two-ends": Words("끝 토큰이 둘인 답", "two end tokens"),
}
"""What a reward model is shown in place of a good answer."""

METRICS |= {
    "accuracy_better_longer": Words("정확도(나은 답이 긴 쌍)", "accuracy, better reply longer"),
    "accuracy_better_shorter": Words("정확도(나은 답이 짧은 쌍)", "accuracy, better reply shorter"),
    "accuracy_same_author": Words("정확도(지은이가 같은 쌍)", "accuracy, both by one author"),
    "accuracy_other_author": Words("정확도(지은이가 다른 쌍)", "accuracy, by two authors"),
    "brier": Words("브라이어 점수", "Brier score"),
    "ece": Words("기대 보정 오차", "expected calibration error"),
    "temperature": Words("보정 온도", "calibrating temperature"),
    "nll_scaled": Words("손실(보정 뒤)", "loss, calibrated"),
    "brier_scaled": Words("브라이어 점수(보정 뒤)", "Brier score, calibrated"),
    "ece_scaled": Words("기대 보정 오차(보정 뒤)", "expected calibration error, calibrated"),
    "scaled": Words("0–100으로 옮긴 평균", "mean as 0–100"),
    "full_marks": Words("모든 기준에서 만점", "full marks in everything"),
    "spearman": Words("스피어만 ρ", "Spearman's ρ"),
    "kendall": Words("켄달 τ", "Kendall's τ"),
    "spearman_per_prompt": Words("프롬프트별 스피어만 ρ", "Spearman's ρ per prompt"),
    "kendall_per_prompt": Words("프롬프트별 켄달 τ", "Kendall's τ per prompt"),
    "pairwise": Words("두 답 가운데 같은 쪽을 고름", "same preference of two"),
    "alpha": Words("크리펜도르프 α", "Krippendorff's α"),
    "leniency": Words("사람보다 후한 정도", "leniency"),
    "ceiling": Words("사람끼리의 상한", "ceiling of people"),
    "length_correlation_people": Words(
        "사람의 점수와 길이의 상관", "correlation of people's scores with length"
    ),
    "length_bias": Words("사람보다 더 길이를 따름", "length beyond people's scores"),
    "position_bias": Words("앞자리가 더 얻는 점수", "gain of the first place"),
    "length_correlation": Words("점수나 보상과 길이의 상관", "correlation of score or reward with length"),
    "longer_preferred": Words("긴 답을 고른 비율", "longer reply preferred"),
    "no_template_difference": Words("템플릿 없을 때의 정확도 변화", "accuracy gained without template"),
    "scold_preferred": Words("꾸짖는 답을 고름(무해한 말)", "scolding preferred, harmless prompts"),
    "scold_preferred_unsafe": Words("꾸짖는 답을 고름(해로운 말)", "scolding preferred, harmful prompts"),
    **{
        f"{probe}_preferred": Words(f"더 높은 보상: {words.ko}", f"higher reward: {words.en}")
        for probe, words in PROBES.items()
    },
    **{
        f"{probe}_change": Words(f"보상 변화: {words.ko}", f"change of reward: {words.en}")
        for probe, words in PROBES.items()
    },
}

READINGS: dict[str, Words] = {
    **METRICS,
    "length": Words("답변 길이(토큰)", "reply length (tokens)"),
    "reward": Words("보상(정규화)", "reward (normalised)"),
    "kl": Words("SFT와의 KL(답변당)", "KL to SFT (per reply)"),
    "spread": Words("그룹 안 보상의 표준편차", "deviation of rewards in a group"),
    "equal_groups": Words("보상이 모두 같은 그룹의 비율", "share of groups with equal rewards"),
    "repetition": Words("되풀이한 몫", "repeated share"),
    "distinct_2": Words("서로 다른 낱말 쌍의 비율", "share of different word pairs"),
    "characters": Words("답변 길이(글자)", "reply length (characters)"),
    "empty": Words("빈 답변의 비율", "share of empty replies"),
    "deviation": Words("점수의 표준편차", "deviation of scores"),
    "kl_weight": Words("KL의 가중치", "weight of KL"),
    "explained_variance": Words("가치가 설명한 분산", "variance explained by values"),
}
"""Names of what a rollout reads, where they differ: a length in tokens, a KL over whole replies."""

BASELINES: dict[str, Words] = {
    "longer-wins": Words("긴 쪽이 이김", "longer-wins"),
    "shorter-wins": Words("짧은 쪽이 이김", "shorter-wins"),
    "n-grams, trained": Words("n‑gram(학습 쌍에서 배움)", "n-grams, trained"),
    "n-grams, cross-validated on the test": Words(
        "n‑gram(시험 쌍 교차 검증)", "n-grams, cross-validated on the test"
    ),
    "other-prompt": Words("다른 프롬프트를 보여 줌", "other-prompt"),
    "n-grams": Words("n‑gram(교차 검증)", "n-grams, cross-validated"),
    "author": Words("글쓴이(교차 검증)", "author, cross-validated"),
    "first-shown-wins": Words("먼저 보여 준 쪽이 이김", "first-shown-wins"),
}

REGISTERS: dict[str, Words] = {
    "haeyo": Words("해요체", "haeyo (polite)"),
    "hapsho": Words("합쇼체", "hapsho (formal)"),
    "banmal": Words("반말", "banmal (casual)"),
    "plain": Words("문어체(-다)", "plain (written)"),
    "mixed": Words("섞임", "mixed"),
    "none": Words("알 수 없음", "none"),
}
"""Registers of Korean."""

WAYS: dict[str, Words] = {
    "greedy": Words("탐욕(greedy)", "greedy"),
    "own format": Words("제 형식으로 물음", "own format"),
}
"""Parts of a decoding's name: how replies were drawn, how the model was asked."""

FACTS: dict[str, Words] = {
    "license": Words("라이선스", "licence"),
    "license_name": Words("이용 조건", "terms"),
    "base_model": Words("기반 모델", "base model"),
    "datasets": Words("데이터", "data"),
    "revision": Words("리비전", "revision"),
    "rank": Words("랭크", "rank"),
    "form": Words("구조", "form"),
    "layers": Words("층", "layers"),
    "width": Words("너비", "width"),
    "role": Words("역할", "role"),
    "reward_mean": Words("보상 평균", "mean reward"),
    "reward_deviation": Words("보상 표준 편차", "deviation of the reward"),
}
"""What model folders say of themselves."""

TERMS: dict[str, Words] = {
    "non-commercial": Words("상업적 이용 불가", "non-commercial"),
    "unknown": Words("알 수 없음", "unknown"),
    "stated": Words("밝혀져 있음(모델 카드 참고)", "stated, see the model card"),
}

ROLES: dict[str, Words] = {
    "system": Words("시스템", "system"),
    "user": Words("사용자", "user"),
    "assistant": Words("챗봇", "assistant"),
}


def both(code: str, **parameters: object) -> Html:
    """The words of `code` in both languages; the page shows one of them. Parameters are escaped."""
    return _pair(PAGE[code], parameters)


def spoken(words: Words, parameters: Mapping[str, object]) -> Html:
    """A sentence of elsewhere in both languages, its parameters escaped."""
    return _pair(words, dict(parameters))


def named(names: Mapping[str, Words], raw: str) -> Html:
    """What people call `raw`; `raw` itself where nobody has a better name."""
    return _pair(names[raw], {}) if raw in names else tag("bdi", raw)


def asking(raw: str) -> Html:
    """`T 0.8, own format` or `base, own format`, its known parts in both languages."""
    parts = [named(WAYS, part) for part in raw.split(", ")]
    return Html(", ".join(parts)) if raw else Html("—")


def task_named(raw: str) -> Html:
    """`quality/abusive` in the words of its task and its kind, where it has none of its own."""
    head, slash, tail = raw.partition("/")
    if raw in TASKS or not slash or head not in TASKS:
        return named(TASKS, raw)
    return Html(f"{named(TASKS, head)} · {named({**METRICS, **KINDS}, tail)}")


def svg_words(words: Words | None, raw: str) -> Html:
    """The same inside an SVG text, which holds spans of its own."""
    if words is None:
        return safe(raw)
    if words.ko == words.en:
        return safe(words.ko)
    return Html(
        tag("tspan", words.ko, class_="ko", lang="ko") + tag("tspan", words.en, class_="en", lang="en")
    )


def _pair(words: Words, parameters: dict[str, object]) -> Html:
    shown = {key: safe(value) for key, value in parameters.items()}
    ko, en = (Html(html.escape(text).format(**shown)) for text in words)
    if ko == en:
        return ko
    return Html(tag("span", ko, class_="ko", lang="ko") + tag("span", en, class_="en", lang="en"))
