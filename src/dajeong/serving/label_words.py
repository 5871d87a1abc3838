"""Every word of the labelling page, Korean and English side by side. Knows no vote; the page picks by key."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    ko: str
    en: str


WORDS: dict[str, Words] = {
    "title": Words("다정 라벨", "dajeong labels"),
    "language": Words("English", "한국어"),
    "language-label": Words("Switch to English", "한국어로 보기"),
    # --- who
    "welcome": Words("어느 답변이 더 나은가요?", "Which answer is better?"),
    "welcome-text": Words(
        "두 답변을 읽고 더 나은 쪽을 고릅니다. 누가 쓴 답변인지는 알려 드리지 않으며, 좌우 자리는 항목마다 "
        "다릅니다. 고를 때마다 바로 저장되니 언제든 그만두었다가 이어서 할 수 있습니다.",
        "Read two answers and choose the better one. Nobody is told who wrote them, and their sides differ "
        "from item to item. Every choice is saved at once: stop whenever you like and go on later.",
    ),
    "name": Words("이름", "Your name"),
    "name-hint": Words("투표를 구별하는 데만 씁니다.", "Only to tell votes apart."),
    "key": Words("열쇠", "Key"),
    "key-hint": Words("이 페이지를 연 사람에게서 받으세요.", "Ask whoever started this page."),
    "key-wrong": Words("열쇠가 맞지 않습니다.", "That is not the key."),
    "start": Words("시작", "Start"),
    "change-name": Words("{name} 님이 아닌가요? 이름 바꾸기", "Not {name}? Change the name"),
    # --- the item
    "conversation": Words("대화", "Conversation"),
    "role-user": Words("사용자", "User"),
    "role-assistant": Words("답변", "Assistant"),
    "role-system": Words("지시", "System"),
    "answer": Words("답변 {letter}", "Answer {letter}"),
    "masked": Words("모델 이름은 {mask}로 가렸습니다.", "Names of models are hidden as {mask}."),
    "warning": Words("불쾌할 수 있는 내용이 있어 가렸습니다.", "Hidden, as it may be offensive."),
    "reveal": Words("보기", "Show"),
    "keep-revealed": Words("이 창에서는 계속 보기", "Keep showing in this window"),
    "reveal-first": Words("먼저 내용을 보세요 (B).", "Look at it first (B)."),
    "before": Words("되돌린 선택: {choice}", "You had chosen: {choice}"),
    "final-votes": Words("앞선 판단: {votes}", "Said before: {votes}"),
    # --- choices
    "better": Words("{letter}가 낫다", "{letter} is better"),
    "tie": Words("비슷하다", "Tie"),
    "both-bad": Words("둘 다 나쁘다", "Both bad"),
    "all-tie": Words("모두 비슷하다", "All tie"),
    "all-bad": Words("모두 나쁘다", "All bad"),
    "skip": Words("건너뛰기", "Skip"),
    "undo": Words("되돌리기", "Undo"),
    "diff": Words("차이 보기", "Differences"),
    "rank-next": Words("{place}위로", "Rank {place}"),
    "rank-hint": Words(
        "좋은 순서대로 번호를 누르세요. =는 앞과 같은 순위, Shift+번호는 꼴찌, Backspace는 지우기, Enter는 "
        "저장입니다.",
        "Press numbers from best to worst. = ties with the one before, Shift+number is the worst, Backspace "
        "takes back, Enter saves.",
    ),
    "rank-save": Words("순위 저장", "Save ranking"),
    "ranked": Words("{place}위", "No. {place}"),
    "reasons": Words("이유(선택)", "Why (optional)"),
    "reason-friendly": Words("친근함", "Friendly"),
    "reason-harmless": Words("무해함", "Harmless"),
    "reason-natural": Words("자연스러움", "Natural"),
    "reason-context": Words("맥락", "Context"),
    "reason-factual": Words("사실성", "Factual"),
    "strength": Words("차이", "By how much"),
    "strength-1": Words("조금", "Slightly"),
    "strength-2": Words("꽤", "Clearly"),
    "strength-3": Words("훨씬", "By far"),
    "skip-why": Words("왜 건너뛰나요?", "Why skip it?"),
    "skip-unsure": Words("고르기 어렵다", "Cannot decide"),
    "skip-unclear": Words("무슨 말인지 모르겠다", "Cannot make sense of it"),
    "skip-broken": Words("글이 깨졌다", "The text is broken"),
    "skip-upsetting": Words("보기 힘들다", "Too upsetting"),
    "skip-other": Words("그 밖의 이유", "Another reason"),
    "cancel": Words("취소", "Cancel"),
    # --- where one is
    "progress": Words("{mine}개 함 · {left}개 남음", "{mine} done · {left} left"),
    "sitting": Words("이번에 {count}/{goal}", "This sitting {count}/{goal}"),
    "pace": Words("항목당 {seconds}초 · 약 {minutes}분 남음", "{seconds} s each · about {minutes} min left"),
    "saved": Words("저장됨", "Saved"),
    "saving": Words("저장 중 {count}", "Saving {count}"),
    "waiting": Words(
        "서버에 닿지 않습니다. 투표 {count}개를 이 브라우저에 두고 다시 보내는 중입니다.",
        "The server cannot be reached. {count} votes are kept in this browser and sent again.",
    ),
    "refused": Words("서버가 받지 않은 투표가 있습니다: {problem}", "A vote was not accepted: {problem}"),
    "elsewhere": Words("다른 창에서 이미 고른 항목입니다.", "Already voted on in another window."),
    "judge-said": Words("방금 항목에서 {judge}의 선택: {choice}", "On the last item {judge} chose: {choice}"),
    "nothing-to-undo": Words("되돌릴 것이 없습니다.", "There is nothing to undo."),
    "done": Words("모두 마쳤습니다", "All done"),
    "done-text": Words(
        "{name} 님에게 남은 항목이 없습니다. 고맙습니다.", "Nothing is left for {name}. Thank you."
    ),
    "final-done": Words("판정할 항목이 없습니다.", "Nothing to settle."),
    # --- settling disagreements
    "settle": Words("이견 판정 {count}", "Settle {count}"),
    "settle-back": Words("라벨로 돌아가기", "Back to labelling"),
    "settling": Words("이견 판정", "Settling"),
    "said-count": Words("{choice} {count}명", "{choice} {count}"),
    # --- figures
    "figures": Words("일치도", "Agreement"),
    "figures-text": Words(
        "구간은 95 %입니다. 사람끼리의 일치는 InstructGPT에서 73 %, MT-bench에서 비김을 빼고 약 80 %로 "
        "알려져 있습니다.",
        "Intervals are 95 %. People are known to agree in 73 % (InstructGPT), or about 80 % without ties "
        "(MT-bench).",
    ),
    "figures-none": Words("아직 보일 것이 없습니다.", "Nothing to show yet."),
    "figure-who": Words("누구", "Who"),
    "figure-what": Words("무엇", "What"),
    "figure-value": Words("값", "Value"),
    "figure-interval": Words("95 % 구간", "95 % interval"),
    "figure-n": Words("n", "n"),
    "people": Words("모두", "Everyone"),
    "agreement": Words("같은 선택", "Same choice"),
    "cohen_kappa": Words("코언 κ", "Cohen's κ"),
    "krippendorff_alpha": Words("크리펜도르프 α", "Krippendorff's α"),
    "self_consistency": Words("다시 봐도 같은 선택", "Same choice again"),
    "gold_accuracy": Words("정답 있는 항목", "Items with a known answer"),
    "left_wins": Words("왼쪽을 고름", "Left side chosen"),
    "longer_wins": Words("긴 쪽을 고름", "Longer one chosen"),
    "seconds": Words("항목당 초", "Seconds an item"),
    "export": Words("내려받기", "Download"),
    "export-preferences": Words("선호 레코드 (JSONL)", "Preferences (JSONL)"),
    "export-votes": Words("모든 투표 (JSONL)", "All votes (JSONL)"),
    "export-csv": Words("모든 투표 (CSV)", "All votes (CSV)"),
    "close": Words("닫기", "Close"),
    # --- help
    "help": Words("단축키", "Keys"),
    "help-left": Words("A가 낫다", "A is better"),
    "help-right": Words("B가 낫다", "B is better"),
    "help-reasons": Words("이유 켜고 끄기", "Reasons on and off"),
    "help-strength": Words("차이 크기", "By how much"),
    "help-reveal": Words("가린 글 보기", "Show what is hidden"),
    "help-figures": Words("일치도", "Agreement"),
    "help-help": Words("이 도움말", "This help"),
    "help-text": Words(
        "글을 쓰는 칸 안에서는 단축키가 듣지 않습니다. 되돌리기는 얼마든지 거듭할 수 있습니다.",
        "No key is active inside of a text box. Undo goes back as far as you like.",
    ),
}
