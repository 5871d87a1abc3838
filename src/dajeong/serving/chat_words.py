"""Every word of the chat page, Korean and English side by side. Knows no model; the page picks by key."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    ko: str
    en: str


WORDS: dict[str, Words] = {
    "brand": Words("다정", "dajeong"),
    "language": Words("English", "한국어"),
    "language-label": Words("Switch to English", "한국어로 보기"),
    "skip-to-text": Words("바로 글쓰기", "Skip to writing"),
    "close": Words("닫기", "Close"),
    "cancel": Words("취소", "Cancel"),
    "undo": Words("되돌리기", "Undo"),
    # --- conversations
    "conversations": Words("대화 목록", "Conversations"),
    "conversation": Words("대화", "Conversation"),
    "new": Words("새 대화", "New chat"),
    "untitled": Words("제목 없는 대화", "Untitled"),
    "remove": Words("지우기: {title}", "Delete: {title}"),
    "removed": Words("대화를 지웠습니다.", "Conversation deleted."),
    "kept-here": Words("대화는 이 브라우저에만 저장됩니다.", "Conversations are kept in this browser only."),
    "full": Words(
        "브라우저에 남은 자리가 없어 이 대화는 저장되지 않습니다.",
        "This browser has no room left: the conversation is not kept.",
    ),
    # --- the beginning
    "welcome": Words("안녕하세요, 무슨 이야기를 할까요?", "Hello, what shall we talk about?"),
    "welcome-text": Words(
        "편하게 말을 걸어 보세요. 모델의 답변은 틀릴 수 있습니다.",
        "Say whatever you like. A model's answers may be wrong.",
    ),
    "starter-1": Words("오늘 기분이 좀 우울해.", "I feel a bit low today."),
    "starter-2": Words("주말에 뭐 하면 좋을까?", "What could I do on the weekend?"),
    "starter-3": Words("배고파 죽겠다!", "I'm starving!"),
    # --- models
    "model": Words("모델", "Model"),
    "model-left": Words("왼쪽 모델", "Model on the left"),
    "model-right": Words("오른쪽 모델", "Model on the right"),
    "beside": Words("나란히", "Side by side"),
    "beside-hint": Words(
        "같은 말에 두 모델이 함께 답하고, 더 나은 쪽을 고릅니다.",
        "Two models answer the same prompt, and you choose the better one.",
    ),
    "blind": Words("이름 가리기", "Hide names"),
    "blind-hint": Words(
        "고를 때까지 모델 이름을 가리고 좌우를 섞습니다.",
        "Hide the models' names and shuffle their sides until you have chosen.",
    ),
    "side": Words("답변 {letter}", "Answer {letter}"),
    # --- asking and answering
    "text": Words("메시지를 입력하세요", "Write a message"),
    "keys": Words(
        "Enter 보내기 · Shift+Enter 줄 바꾸기 · Esc 멈추기",
        "Enter to send · Shift+Enter for a new line · Esc to stop",
    ),
    "send": Words("보내기", "Send"),
    "stop": Words("멈추기", "Stop"),
    "you": Words("나", "You"),
    "answer-of": Words("{name}의 답변", "Answer of {name}"),
    "writing": Words("답변을 쓰고 있습니다.", "An answer is being written."),
    "written": Words("답변을 마쳤습니다.", "The answer is there."),
    "failed": Words("답변을 받지 못했습니다.", "No answer came."),
    "state-stopped": Words("멈춘 답변입니다.", "Stopped."),
    "state-length": Words("가장 긴 길이에 닿아 끝났습니다.", "Ended at the longest length."),
    "retry": Words("다시 답하기", "Try again"),
    "edit": Words("고치기", "Edit"),
    "edit-label": Words("내 메시지 고치기", "Edit my message"),
    "send-again": Words("고쳐서 보내기", "Send again"),
    "copy": Words("복사", "Copy"),
    "copied": Words("복사했습니다.", "Copied."),
    "code": Words("코드", "Code"),
    # --- choosing
    "vote-label": Words("어느 답변이 더 나은가요?", "Which answer is better?"),
    "vote-first": Words("{name}", "{name}"),
    "vote-second": Words("{name}", "{name}"),
    "vote-tie": Words("비슷하다", "Tie"),
    "vote-both-bad": Words("둘 다 나쁘다", "Both bad"),
    "vote-kept": Words("고른 것을 저장했습니다.", "Your choice is saved."),
    "vote-lost": Words("저장하지 못했습니다: {problem}", "Not saved: {problem}"),
    "vote-again": Words("다시 저장", "Save again"),
    "carried": Words("이 답변으로 이어집니다", "the talk goes on with this one"),
    # --- settings
    "settings": Words("답변 설정", "How answers are drawn"),
    "reset": Words("처음 값으로", "Reset"),
    "each-new": Words("매번 새로", "new each time"),
    "dial-system": Words("지시문", "System message"),
    "dial-system-hint": Words(
        "대화 맨 앞에 놓입니다. 받지 않는 모델도 있습니다.",
        "Stands before the conversation; some models take none.",
    ),
    "dial-temperature": Words("온도", "Temperature"),
    "dial-temperature-hint": Words("0이면 늘 같은 답, 클수록 다양하게", "0: always the same; more: livelier"),
    "dial-top_p": Words("top-p", "top-p"),
    "dial-top_p-hint": Words("합이 이만큼인 낱말만", "Likeliest words up to this sum"),
    "dial-top_k": Words("top-k", "top-k"),
    "dial-top_k-hint": Words("이만큼의 낱말만, 0이면 모두", "So many words; 0 is all"),
    "dial-repetition_penalty": Words("반복 벌점", "Repetition penalty"),
    "dial-repetition_penalty-hint": Words("1이면 없음", "1 is none"),
    "dial-max_tokens": Words("가장 긴 답", "Longest answer"),
    "dial-max_tokens-hint": Words("토큰 수", "In tokens"),
    "dial-seed": Words("시드", "Seed"),
    "dial-seed-hint": Words("같은 시드는 같은 답", "The same seed, the same answer"),
    # --- the key
    "key": Words("열쇠", "Key"),
    "key-text": Words("이 서버는 열쇠가 있어야 답합니다.", "This server wants a key."),
    "key-hint": Words(
        "이 창을 닫으면 잊습니다. 서버를 연 사람에게서 받으세요.",
        "Forgotten when this tab closes. Ask whoever started the server.",
    ),
    "key-use": Words("쓰기", "Use it"),
    "key-wrong": Words("열쇠가 맞지 않습니다.", "That is not the key."),
    "forget-key": Words("열쇠 잊기", "Forget the key"),
    "enter-key": Words("열쇠 넣기", "Enter the key"),
    # --- what may go wrong; after `problem-` the API's own codes
    "problem-unreachable": Words("서버에 닿지 않습니다.", "The server cannot be reached."),
    "problem-unknown": Words("서버가 거절했습니다 ({status}).", "The server refused ({status})."),
    "problem-cut_off": Words("답변이 끊겼습니다.", "The answer was cut off."),
    "problem-invalid_api_key": Words("열쇠가 필요합니다.", "A key is needed."),
    "problem-model_loading": Words("모델을 불러오는 중입니다…", "The model is loading…"),
    "problem-model_not_found": Words("그 모델은 이제 없습니다.", "That model is not there any more."),
    "problem-context_length_exceeded": Words(
        "모델이 읽을 수 있는 것보다 대화가 깁니다. 새 대화를 시작해 보세요.",
        "The conversation is longer than the model can read. Start a new one.",
    ),
    "problem-queue_full": Words(
        "지금 기다리는 사람이 많습니다. 잠시 뒤에 다시 해 보세요.",
        "Many are waiting right now. Try again in a moment.",
    ),
    "problem-deadline_exceeded": Words("답변이 너무 오래 걸립니다.", "The answer takes too long."),
    "problem-engine_failed": Words("답변하다가 문제가 생겼습니다.", "Something failed while answering."),
    "problem-shutting_down": Words("서버가 멈추는 중입니다.", "The server is stopping."),
    "problem-request_too_large": Words("메시지가 너무 깁니다.", "The message is too long."),
    "problem-no_votes": Words(
        "이 서버는 고른 것을 저장하지 않습니다. --votes FILE로 열면 저장합니다.",
        "This server keeps no votes; started with --votes FILE it does.",
    ),
}
