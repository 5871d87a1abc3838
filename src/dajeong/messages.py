"""The sentence of every error and progress line, Korean and English side by side.

Nothing here knows who speaks. A sentence is found by its code; `{name}` marks a parameter.
"""

from __future__ import annotations

import locale
import os
from typing import Literal, NamedTuple

Language = Literal["ko", "en"]


class Sentence(NamedTuple):
    en: str
    ko: str


MESSAGES: dict[str, Sentence] = {
    # --- models
    "lora-target": Sentence(
        "lora.targets: no layer is called {target}. Did you mean {nearest}? This model has: {known}.",
        "lora.targets: {target}(이)라는 층이 없습니다. {nearest}을(를) 찾으셨나요? 이 모델에 있는 층: "
        "{known}.",
    ),
    "max-tokens-above": Sentence(
        "max_tokens is {max_tokens}, but {model} can place {positions} tokens at most. Set max_tokens: "
        "{positions} or less.",
        "max_tokens가 {max_tokens}인데 {model}은(는) {positions}토큰까지만 놓을 수 있습니다. max_tokens를 "
        "{positions} 이하로 두세요.",
    ),
    "vocabulary-above": Sentence(
        "{model}: the tokenizer knows {tokens} tokens, the model has rows for {rows}. Tokenizer and weights "
        "belong to different models.",
        "{model}: 토크나이저는 토큰 {tokens}개를 아는데 모델의 임베딩은 {rows}행입니다. 서로 다른 모델의 "
        "토크나이저와 가중치입니다.",
    ),
    "model-is-adapter": Sentence(
        "{path}: an adapter, not a whole model; a base is needed here. Name the base it was trained on "
        "(base_model_name_or_path in its adapter_config.json), or merge it first.",
        "{path}: 전체 모델이 아니라 어댑터입니다. 여기에는 기반 모델이 필요합니다. 어댑터의 기반"
        "(adapter_config.json의 base_model_name_or_path)을 쓰거나 먼저 합치세요.",
    ),
    "checkpointing-unknown": Sentence(
        "runtime.checkpointing: {family} has no blocks that are known here. Leave it false.",
        "runtime.checkpointing: {family}에는 알려진 블록이 없습니다. false로 두세요.",
    ),
    "quantised-full": Sentence(
        "runtime.quantised is {quantised}, but all weights of the base are to be trained (lora: null). "
        "Numbers of {quantised} cannot be trained: give lora, or leave quantised null.",
        "runtime.quantised가 {quantised}인데 기반 모델의 모든 가중치를 학습하려 합니다(lora: null). "
        "{quantised} 가중치는 학습할 수 없습니다. lora를 주거나 quantised를 null로 두세요.",
    ),
    "tokenizer-no-eos": Sentence(
        "{model}: its tokenizer has no EOS token, so a reply could never end. Use a model that has one.",
        "{model}: 토크나이저에 EOS 토큰이 없어 답변이 끝날 수 없습니다. EOS가 있는 모델을 쓰세요.",
    ),
    "tokenizer-lacks-token": Sentence(
        "the tokenizer does not know {token}, which the template ends a turn with. Choose a template of "
        "this model.",
        "템플릿이 차례를 끝내는 데 쓰는 {token}을(를) 토크나이저가 모릅니다. 이 모델에 맞는 템플릿을 "
        "고르세요.",
    ),
    "not-a-prompt": Sentence(
        "expected messages that end with the user, got an answer at the end: {text!r}.",
        "사용자의 말로 끝나는 메시지가 필요한데 답변으로 끝납니다: {text!r}.",
    ),
    "attention-fixed": Sentence(
        "{model}: the attention of {family} cannot be replaced, and packed sequences would mix silently. "
        "Use another architecture (GPT-NeoX, Llama, GPT-2, Qwen…).",
        "{model}: {family}의 어텐션은 바꿀 수 없어, 이어 붙인 문장이 조용히 섞이게 됩니다. "
        "다른 구조(GPT-NeoX, Llama, GPT-2, Qwen…)를 쓰세요.",
    ),
    "head-differs": Sentence(
        "{model}: head(trunk(x)) differs from the model's own logits by {gap}; this architecture is not "
        "supported.",
        "{model}: head(trunk(x))가 모델의 로짓과 {gap}만큼 다릅니다. 지원하지 않는 구조입니다.",
    ),
    "model-no-config": Sentence(
        "{path}: not a model folder: config.json is missing. Name a Hugging Face folder, a run folder or a "
        "Hub id.",
        "{path}: 모델 폴더가 아닙니다. config.json이 없습니다. Hugging Face 폴더, 실행 폴더, Hub id를 "
        "쓰세요.",
    ),
    "run-no-model": Sentence(
        "{path}: no model to talk to in this run yet. Let its steps run (dajeong run) or name another model.",
        "{path}: 이 실행에는 아직 대화할 모델이 없습니다. 단계를 먼저 실행하거나(dajeong run) 다른 모델을 "
        "쓰세요.",
    ),
    "model-pickle": Sentence(
        "{path}: pickle weights can run code and are never read; expected *.safetensors. "
        "Convert them where you trust them: model.save_pretrained(folder).",
        "{path}: pickle 가중치는 코드를 실행할 수 있어 읽지 않습니다. *.safetensors가 필요합니다. "
        "믿을 수 있는 곳에서 변환하세요: model.save_pretrained(folder).",
    ),
    "model-no-weights": Sentence(
        "{path}: no *.safetensors here. Copy the weights or name another folder.",
        "{path}: *.safetensors가 없습니다. 가중치를 복사하거나 다른 폴더를 쓰세요.",
    ),
    "model-no-tokenizer": Sentence(
        "{model}: tokenizer.json is missing. Save it there: tokenizer.save_pretrained(folder).",
        "{model}: tokenizer.json이 없습니다. 그 폴더에 저장하세요: tokenizer.save_pretrained(folder).",
    ),
    "model-unreachable": Sentence(
        "{model}: cannot be loaded: {problem}. Check the name; offline, it must lie in the cache or in a "
        "folder.",
        "{model}: 불러올 수 없습니다: {problem}. 이름을 확인하세요. 오프라인이라면 캐시나 폴더에 있어야 "
        "합니다.",
    ),
    "model-keys-missing": Sentence(
        "{model}: {count} weights are missing from its files, first {first}; it would start from random "
        "numbers there.",
        "{model}: 파일에 가중치 {count}개가 없습니다(첫째: {first}). 그 자리는 무작위 값이 됩니다.",
    ),
    "model-keys-unexpected": Sentence(
        "{model}: {count} weights of its files have no place in the model, first {first}; it would not be "
        "the "
        "model that was saved.",
        "{model}: 파일의 가중치 {count}개가 모델에 들어갈 자리가 없습니다(첫째: {first}). 저장된 모델과 "
        "달라집니다.",
    ),
    "adapter-empty": Sentence(
        "{path}: the saved adapter of role {role} does nothing (its B matrices are 0 or its file differs). "
        "It was not accepted as a result.",
        "{path}: 저장한 {role} 어댑터가 아무 일도 하지 않습니다(B가 0이거나 파일이 다릅니다). 결과로 "
        "받아들이지 않았습니다.",
    ),
    "adapter-missing": Sentence(
        "{path}: no adapter weights here; expected a PEFT folder.",
        "{path}: 어댑터 가중치가 없습니다. PEFT 폴더가 필요합니다.",
    ),
    "adapter-key": Sentence(
        "{path}: weight {key} is missing or not expected; the adapter belongs to another base or other "
        "targets.",
        "{path}: 가중치 {key}이(가) 없거나 예상 밖입니다. 다른 기반 모델이나 다른 대상 층의 어댑터입니다.",
    ),
    "adapter-shape": Sentence(
        "{path}: weight {key} has shape {got}, expected {expected}; the adapter belongs to another base.",
        "{path}: 가중치 {key}의 모양이 {got}인데 {expected}이어야 합니다. 다른 기반 모델의 어댑터입니다.",
    ),
    "adapter-unlike": Sentence(
        "{path}: {option} is {value}; only plain LoRA on named layers is read, and this adapter would answer "
        "otherwise than it was trained to.",
        "{path}: {option} 값이 {value}입니다. 이름을 댄 층의 일반 LoRA만 읽습니다. 이 어댑터는 배운 것과 "
        "다르게 답하게 됩니다.",
    ),
    "no-device": Sentence(
        "runtime.device is {device}, but this machine shows no such device. Use device: cpu or auto.",
        "runtime.device가 {device}인데 이 기계에는 없습니다. device: cpu 또는 auto를 쓰세요.",
    ),
    # --- training
    "training": Sentence("{step}", "{step}"),
    "examples": Sentence(
        "{step}: {examples} examples; {truncated} were cut to max_tokens, {refused} had nothing left to "
        "learn.",
        "{step}: 예제 {examples}개. {truncated}개는 max_tokens에서 잘렸고, {refused}개는 배울 것이 남지 "
        "않았습니다.",
    ),
    "best-kept": Sentence(
        "{step}: the model is that of update {update}, validation loss {loss}.",
        "{step}: {update}번째 업데이트의 모델을 남깁니다(검증 손실 {loss}).",
    ),
    "no-validation": Sentence(
        "step {step}: `patience` and `keep: best` read a validation loss, and there is no `validation:` "
        "data. "
        "Give some, or leave both out.",
        "{step} 단계: `patience`와 `keep: best`는 검증 손실을 보는데 `validation:` 데이터가 없습니다. "
        "데이터를 "
        "주거나 둘 다 빼세요.",
    ),
    "update-too-small": Sentence(
        "step {step}: an update holds {examples} examples on average, fewer than the {world} processes that "
        "share it. Raise tokens_per_update or examples_per_update, or start fewer processes.",
        "{step} 단계: 업데이트 하나에 예제가 평균 {examples}개뿐인데 프로세스 {world}개가 나눕니다. "
        "tokens_per_update나 examples_per_update를 늘리거나 프로세스를 줄이세요.",
    ),
    "forward-halved": Sentence(
        "{step}: a forward of {tokens} tokens did not fit the memory of the device. The update begins "
        "again in "
        "forwards of {budget} tokens; what it learns stays the same.",
        "{step}: {tokens}토큰의 순방향 계산이 장치 메모리에 들어가지 않았습니다. {budget}토큰씩 나누어 이 "
        "업데이트를 다시 합니다. 배우는 것은 같습니다.",
    ),
    "memory-forward": Sentence(
        "step {step}: a forward of {tokens} tokens (longest sequence {longest}) does not fit the memory of "
        "the "
        "device, and a smaller one would not help (tokens_per_micro_batch {budget}). Set "
        "runtime.checkpointing: true or a smaller max_tokens; with several processes, a smaller "
        "tokens_per_micro_batch.",
        "{step} 단계: {tokens}토큰(가장 긴 예제 {longest})의 순방향 계산이 장치 메모리에 들어가지 않고, 더 "
        "나누어도 소용이 없습니다(tokens_per_micro_batch {budget}). runtime.checkpointing: true나 더 작은 "
        "max_tokens를 쓰세요. 프로세스가 여럿이면 tokens_per_micro_batch를 줄이세요.",
    ),
    "preferences": Sentence(
        "{step}: {prompts} prompts with at least one ordered pair.",
        "{step}: 순서가 있는 쌍이 하나 이상인 프롬프트 {prompts}개.",
    ),
    # training, from preferences without rollouts
    "preference-examples": Sentence(
        "{step}: {kept} examples, {cut} of them with an answer cut to max_tokens; left out: {too_long} whose "
        "prompt fills max_tokens, {unordered} without an order or a rating.",
        "{step}: 예제 {kept}개, 그 가운데 {cut}개는 답변이 max_tokens에서 잘렸습니다. 뺀 것: 프롬프트만으로 "
        "max_tokens를 채우는 {too_long}개, 순서나 평가가 없는 {unordered}개.",
    ),
    "preferences-all-tied": Sentence(
        "none of {rows} preferences ranks one answer above another; there is nothing to prefer. Check "
        "`ranking`.",
        "선호 {rows}개 가운데 한 답변을 다른 답변보다 높이 둔 것이 없어 배울 선호가 없습니다. `ranking`을 "
        "확인하세요.",
    ),
    "replies-not-rated": Sentence(
        "none of {rows} replies says whether it is desirable. Set `desirable` to true or false, or give "
        "preferences.",
        "답변 {rows}개 가운데 바람직한지 적힌 것이 없습니다. `desirable`을 true나 false로 적거나 선호 "
        "데이터를 주세요.",
    ),
    "chosen-collapse": Sentence(
        "{step}: warning: at update {update} preferred answers are {fall:.2f} nats a token less likely than "
        "at the start. Lower the learning rate, or raise beta or sft_coefficient.",
        "{step}: 경고: {update}번째 업데이트에서 선호된 답변의 토큰당 로그 확률이 처음보다 {fall:.2f}만큼 "
        "낮습니다. 학습률을 낮추거나 beta, sft_coefficient를 올리세요.",
    ),
    "policy-is-adapter": Sentence(
        "step {step}: lora: null trains a whole model, but the policy starts from an adapter: {path}. Leave "
        "lora out, or start from a whole model.",
        "{step} 단계: lora: null은 모델 전체를 학습하는데 정책이 어댑터에서 시작합니다: {path}. lora를 "
        "빼거나 "
        "모델 전체에서 시작하세요.",
    ),
    "full-needs-cached": Sentence(
        "step {step}: where every weight is trained no reference is left in the model. Set "
        "reference_logprobs: cached.",
        "{step} 단계: 모든 가중치를 학습하면 모델에 기준이 남지 않습니다. reference_logprobs: cached로 "
        "하세요.",
    ),
    "reference-other-base": Sentence(
        "step {step}: the reference belongs to base {base}, the policy to {expected}; both must share one "
        "base.",
        "{step} 단계: 기준의 기반은 {base}인데 정책의 기반은 {expected}입니다. 같은 기반이어야 합니다.",
    ),
    "reference-differs": Sentence(
        "step {step}: {reference} is not what the policy starts from, so the divergence would not start at "
        "0. "
        "Leave reference out, or set other_reference: true.",
        "{step} 단계: {reference}은(는) 정책이 시작하는 모델이 아니어서 차이가 0에서 시작하지 않습니다. "
        "reference를 빼거나 other_reference: true로 하세요.",
    ),
    "resumed": Sentence(
        "{step}: goes on after update {update}.", "{step}: {update}번째 업데이트 다음부터 이어 갑니다."
    ),
    "prompts-too-long": Sentence(
        "{step}: {left_out} prompts fill the model's context of {limit} tokens and are left out.",
        "{step}: 프롬프트 {left_out}개가 모델의 문맥 {limit}토큰을 다 차지하여 뺍니다.",
    ),
    "nothing-to-learn": Sentence(
        "none of {rows} rows has anything to learn within max_tokens {max_tokens}. Raise max_tokens or "
        "check the data.",
        "{rows}개 행 가운데 max_tokens {max_tokens} 안에서 배울 것이 없습니다. max_tokens를 늘리거나 "
        "데이터를 확인하세요.",
    ),
    "tiny-needs-text": Sentence(
        "step {step}: model tiny is trained in the run and needs `text:` (records to learn from).",
        "{step} 단계: tiny 모델은 실행 안에서 학습하므로 `text:`(배울 레코드)가 필요합니다.",
    ),
    "all-warmup": Sentence(
        "step {step}: {updates} updates would all be warm-up ({warmup}). Raise updates or lower "
        "warmup_ratio.",
        "{step} 단계: 업데이트 {updates}번이 모두 준비 운동({warmup})이 됩니다. updates를 늘리거나 "
        "warmup_ratio를 줄이세요.",
    ),
    "checkpoint-damaged": Sentence(
        "{path}: damaged, passed over; an older checkpoint is used.",
        "{path}: 손상되어 건너뜁니다. 더 오래된 체크포인트를 씁니다.",
    ),
    "checkpoint-differs": Sentence(
        "{path}: saved with {name} = {found}, now {now}; a resumed run would not equal an uninterrupted one. "
        "Restore {name}, or start the step anew with --force.",
        "{path}: {name} = {found}(으)로 저장되었는데 지금은 {now}입니다. 이어 가면 끊기지 않은 실행과 "
        "달라집니다. "
        "{name}을(를) 되돌리거나 --force로 단계를 새로 시작하세요.",
    ),
    "checkpoint-key": Sentence(
        "{path}: {key} is missing, unexpected, or of another shape; the checkpoint belongs to another model. "
        "Start the step anew with --force.",
        "{path}: {key}이(가) 없거나 예상 밖이거나 모양이 다릅니다. 다른 모델의 체크포인트입니다. --force로 "
        "단계를 새로 시작하세요.",
    ),
    "checkpoint-unwritten": Sentence(
        "{path}: this checkpoint of {needed} MiB could not be written. {problem} "
        "The last whole one is {last}; the same command goes on from there.",
        "{path}: {needed} MiB짜리 이 체크포인트를 쓰지 못했습니다. {problem} 마지막으로 온전한 것은 "
        "{last}이며, "
        "같은 명령을 실행하면 거기서 이어집니다.",
    ),
    "disk-room": Sentence(
        "Of {needed} MiB that must be free, {free} MiB are.",
        "{needed} MiB가 비어 있어야 하는데 {free} MiB만 비어 있습니다.",
    ),
    "steps-left-out": Sentence(
        "{step}: update {update} is left out, its gradient is {norm} where at most {limit} was expected "
        "({count} so far). Its rows are kept in {path}.",
        "{step}: {update}번째 업데이트를 건너뜁니다. 기울기가 {norm}인데 {limit} 이하여야 합니다(지금까지 "
        "{count}번). 그 행들은 {path}에 있습니다.",
    ),
    "too-many-left-out": Sentence(
        "step {step}, update {update}: {count} updates were left out because of their gradients, more than "
        "spikes.most = {most}. Their rows are kept in {folder}; the last good weights are in {path}.",
        "{step} 단계 {update}번째 업데이트: 기울기 때문에 업데이트 {count}번을 건너뛰어 spikes.most = "
        "{most}을 "
        "넘었습니다. 그 행들은 {folder}에, 마지막으로 온전한 가중치는 {path}에 있습니다.",
    ),
    "reading-tokens": Sentence("{rate} tokens/s", "초당 {rate}토큰"),
    "not-finite": Sentence(
        "step {step}, update {update}: loss or gradient is {value}. The batch is kept in {path}; "
        "lower the learning rate or look at those rows.",
        "{step} 단계 {update}번째 업데이트: 손실이나 기울기가 {value}입니다. 배치는 {path}에 있습니다. "
        "학습률을 낮추거나 그 행들을 살펴보세요.",
    ),
    "reference-not-the-start": Sentence(
        "before anything was learned, policy and reference already differ by {nats:.4f} nats a token: the "
        "reference must be what the policy starts from. Name one adapter for both.",
        "아직 아무것도 배우지 않았는데 정책과 기준 모델이 이미 토큰당 {nats:.4f}nat 다릅니다. "
        "기준은 정책이 시작한 "
        "모델이어야 합니다. 둘에 같은 어댑터를 쓰세요.",
    ),
    "rewards-equal": Sentence(
        "{rewards}: all {replies} replies of the first rollout earn the same, {value:.4g}, so there is "
        "nothing "
        "to learn. Look at the reward model: was it trained, and on which texts?",
        "{rewards}: 첫 롤아웃의 답변 {replies}개가 모두 같은 보상 {value:.4g}을(를) 받아 배울 것이 없습니다. "
        "보상 모델이 어떤 글로 제대로 학습되었는지 살펴보세요.",
    ),
    "last-good-kept": Sentence(
        "{step}: the last policy past no limit is kept in {path}.",
        "{step}: 한계를 넘지 않은 마지막 정책을 {path}에 남겼습니다.",
    ),
    "guard-warns": Sentence(
        "{step}, rollout {rollout}: {what}. The reward does not see this: look at the samples.",
        "{step}, 롤아웃 {rollout}: {what}. 보상은 이것을 보지 못합니다. 저널의 답변 견본을 살펴보세요.",
    ),
    "guard-stops": Sentence(
        "step {step}, rollout {rollout}: {what}. Stopped; the last policy past no limit is in {good}, the "
        "run "
        "so far in {path}. To go on from there, raise the limit under `guards` or set guards.action: warn. "
        "Any other change needs "
        "--force {step}, which begins it anew.",
        "{step} 단계, 롤아웃 {rollout}: {what}. 멈췄습니다. 한계를 넘지 않은 마지막 정책은 {good}에, "
        "여기까지의 실행은 {path}에 있습니다. 이어 가려면 `guards`의 한계를 올리거나 guards.action: "
        "warn으로 바꾸세요. 다른 설정을 바꾸려면 --force "
        "{step}으로 단계를 새로 시작해야 합니다.",
    ),
    "not-launched": Sentence(
        "parallel: {parallel} needs several processes. Launch with: torchrun --nproc-per-node N -m "
        "dajeong.cli run …",
        "parallel: {parallel}에는 여러 프로세스가 필요합니다: torchrun --nproc-per-node N -m dajeong.cli "
        "run …",
    ),
    "launched-many": Sentence(
        "launched as {world} processes, but the recipe says parallel: single. Set parallel: ddp.",
        "프로세스 {world}개로 시작했지만 레시피는 parallel: single입니다. parallel: ddp로 바꾸세요.",
    ),
    "ties-left-out": Sentence(
        "{step}: {ties} pairs of equal rank are left out; labels.ties: soft would learn that they are equal.",
        "{step}: 순위가 같은 쌍 {ties}개를 뺍니다. labels.ties: soft로 두면 같다는 것을 배웁니다.",
    ),
    "annotator-unknown": Sentence(
        "labels.annotators: nobody called {name} labelled these preferences; there are: {known}.",
        "labels.annotators: {name}이(가) 매긴 선호가 없습니다. 있는 이름: {known}.",
    ),
    "margin-no-scores": Sentence(
        "labels.score_margin needs responses with scores, and none of {rows} preferences has two of one "
        "criterion. Leave it out, or rank judged replies (step kind rank).",
        "labels.score_margin에는 점수가 있는 답변이 필요한데, 선호 {rows}개 가운데 같은 기준의 점수가 둘 "
        "있는 "
        "것이 없습니다. 빼거나, 채점한 답변에 순위를 매기세요(단계 종류 rank).",
    ),
    "validation-leaks": Sentence(
        "step {step}: {count} prompts are in `data` and in `validation`, first {example!r}. Its accuracy "
        "would "
        "mean nothing: keep them out with a step of kind clean and `against:`.",
        "{step} 단계: 프롬프트 {count}개가 `data`와 `validation`에 모두 있습니다(첫째: {example!r}). "
        "정확도가 "
        "아무 뜻도 없게 됩니다. clean 단계의 `against:`로 빼세요.",
    ),
    "best-of-nothing": Sentence(
        "step {step}: `keep: best` reads a validation loss, and there is no `validation:`. Give preferences "
        "that are not learned from, or leave it out.",
        "{step} 단계: `keep: best`는 검증 손실을 보는데 `validation:`이 없습니다. 배우지 않는 선호 데이터를 "
        "주거나 빼세요.",
    ),
    "reward-gate-warns": Sentence(
        "{step}: the reward model fails its gate: {what}. PPO would learn nothing good from it.",
        "{step}: 보상 모델이 관문을 넘지 못했습니다: {what}. PPO가 여기서 좋은 것을 배울 수 없습니다.",
    ),
    "reward-gate-stops": Sentence(
        "step {step}: the reward model fails its gate: {what}. It was not saved. Look at its data and its "
        "learning rate; gate.action: warn lets it through.",
        "{step} 단계: 보상 모델이 관문을 넘지 못했습니다: {what}. 저장하지 않았습니다. 데이터와 학습률을 "
        "살펴보세요. gate.action: warn으로 두면 통과합니다.",
    ),
    "reward-no-head": Sentence(
        "{path}: this adapter has no score head, so it is no reward model. Name the model of a step of kind "
        "reward.",
        "{path}: 점수를 내는 헤드가 없는 어댑터라 보상 모델이 아닙니다. reward 단계의 모델을 쓰세요.",
    ),
    "reward-reader-unused": Sentence(
        "readers.{reward}: this adapter lives on the policy's base and is read in its own forward; there is "
        "nothing to set. Leave it out.",
        "readers.{reward}: 정책과 같은 기반의 어댑터라 정책의 순방향 계산 안에서 읽습니다. 설정할 것이 "
        "없으니 빼세요.",
    ),
    "reward-not-tokens": Sentence(
        "readers.{reward}: level: tokens, but its {what} is not the policy's, and the same tokens would say "
        "something else. Leave it out: as text it is read with its own tokenizer and template.",
        "readers.{reward}: level이 tokens인데 {what}이(가) 정책과 다릅니다. 같은 토큰이 다른 뜻이 됩니다. "
        "빼면 텍스트로, 제 토크나이저와 템플릿으로 읽습니다.",
    ),
    "reward-not-finite": Sentence(
        "reward {reward}: {count} replies got {value}, which is no number. Look at that model; nothing was "
        "learned from it.",
        "보상 {reward}: 답변 {count}개가 숫자가 아닌 {value}을(를) 받았습니다. 그 모델을 살펴보세요. "
        "이것으로는 "
        "아무것도 배우지 않았습니다.",
    ),
    "classifier-no-head": Sentence(
        "{model}: {count} weights of a sequence-classification model are missing, first {first}; its scores "
        "would be random. Name a model that was trained to classify, or an adapter of a step of kind reward.",
        "{model}: 문장 분류 모델의 가중치 {count}개가 없습니다(첫째: {first}). 점수가 무작위가 됩니다. "
        "분류를 "
        "배운 모델이나 reward 단계의 어댑터를 쓰세요.",
    ),
    "classifier-label": Sentence(
        "{model}: which class is wanted? `label: {label}` is none of {known}.",
        "{model}: 어느 분류가 좋은 것인가요? `label: {label}`은(는) {known} 가운데 없습니다.",
    ),
    "classifier-no-chat": Sentence(
        "{model}: form: chat, but its tokenizer brings no chat template. Use form: pair or form: reply.",
        "{model}: form이 chat인데 토크나이저에 대화 템플릿이 없습니다. form: pair나 form: reply를 쓰세요.",
    ),
    "groups-equal": Sentence(
        "All {replies} replies of the first rollout earn the same as the others to their prompt "
        "({reward:.3g} to "
        "the first one), so there is nothing to learn from. Is the reward a constant, or cut by "
        "reward_clip? Do "
        "all replies say the same? Then raise decoding.temperature or replies_per_prompt.",
        "첫 롤아웃의 답변 {replies}개가 모두 같은 프롬프트의 다른 답변과 같은 보상을 받아(첫 프롬프트 "
        "{reward:.3g}) 배울 것이 없습니다. 보상이 상수이거나 reward_clip에서 잘리지 않는지 살펴보세요. "
        "답변이 "
        "모두 같은 말이면 decoding.temperature나 replies_per_prompt를 올리세요.",
    ),
    "rollout-equal": Sentence(
        "Rollout {rollout}: all {replies} replies earn the same as the others to their prompt; only the "
        "pull to "
        "the SFT model, if there is one, is learned from it.",
        "롤아웃 {rollout}: 답변 {replies}개가 모두 같은 프롬프트의 다른 답변과 같은 보상을 받았습니다. SFT "
        "모델로 당기는 항이 있으면 그것만 배웁니다.",
    ),
    "engine-differs": Sentence(
        "launched as {asked} processes, but the group of processes has {got}: something else set it up "
        "before. Launch with torchrun alone.",
        "프로세스 {asked}개로 시작했지만 프로세스 그룹에는 {got}개가 있습니다. 다른 것이 먼저 만든 "
        "그룹입니다. "
        "torchrun만으로 시작하세요.",
    ),
    "process-gone": Sentence(
        "another process of this run has ended, so this one cannot go on. What was saved is whole: start all "
        "of them again with the same command, and the step goes on from its last checkpoint.",
        "이 실행의 다른 프로세스가 끝나서 더 진행할 수 없습니다. 저장된 것은 온전합니다. 같은 "
        "명령으로 모든 프로세스를 다시 시작하면 마지막 체크포인트에서 이어 갑니다.",
    ),
    "processes-differ": Sentence(
        "step {step}: the processes did not load the same {what}: {found}. All of them need the "
        "same files and versions.",
        "{step} 단계: 프로세스들이 서로 다른 {what}을(를) 불러왔습니다: {found}. 모든 프로세스에 같은 "
        "파일과 같은 버전이 있어야 합니다.",
    ),
    "run-not-shared": Sentence(
        "this process does not see what rank 0 wrote in {run}. The run folder must lie on a disk that all "
        "nodes share; name it with --out.",
        "이 프로세스에는 순번 0이 {run}에 쓴 것이 보이지 않습니다. 실행 폴더는 모든 노드가 함께 쓰는 "
        "디스크에 있어야 합니다. --out으로 지정하세요.",
    ),
    "resumed-otherwise": Sentence(
        "{step}: the checkpoint was written with {before}, the run goes on with {now}: the same within "
        "rounding, not to the bit.",
        "{step}: 체크포인트는 {before}(으)로 저장했고 지금은 {now}(으)로 이어 갑니다. 반올림 오차 안에서 "
        "같지만 비트까지 같지는 않습니다.",
    ),
    "offload-full": Sentence(
        "runtime.offload is base, but all weights of the base are to be trained (lora: null). Give lora, or "
        "share the weights between processes with parallel: fsdp2.",
        "runtime.offload가 base인데 기반 모델의 모든 가중치를 학습하려 합니다(lora: null). lora를 주거나, "
        "parallel: fsdp2로 가중치를 여러 프로세스에 나누세요.",
    ),
    "sharded-quantised": Sentence(
        "parallel: {parallel} cannot cut a quantised base into parts. Take parallel: ddp, or leave "
        "runtime.quantised null.",
        "parallel: {parallel}은 양자화한 기반 모델을 나눌 수 없습니다. parallel: ddp를 쓰거나 "
        "runtime.quantised를 null로 두세요.",
    ),
    "offload-kept": Sentence(
        "parallel: {parallel} keeps the whole base on every card, so runtime.offload: base would save "
        "nothing. Take parallel: zero3 or fsdp2 with it, or ddp.",
        "parallel: {parallel}은 기반 모델 전체를 카드마다 두므로 runtime.offload: base로 아낄 것이 없습니다. "
        "함께 쓰려면 parallel: zero3이나 fsdp2, 또는 ddp로 바꾸세요.",
    ),
    "not-sharded": Sentence(
        "parallel: {parallel} was asked for, but {weight} is not shared between the processes. Nothing was "
        "trained.",
        "parallel: {parallel}을 요청했지만 {weight} 가중치가 프로세스에 나뉘지 않았습니다. 아무것도 학습하지 "
        "않았습니다.",
    ),
    "launcher-differs": Sentence(
        "the launcher is configured for {asked}, the recipe says parallel: {parallel}. Only one of them can "
        "run: set parallel: {asked} (fsdp1 does not exist here, take fsdp2), or launch with torchrun.",
        "시작 도구는 {asked}로 설정되어 있지만 레시피는 parallel: {parallel}입니다. 둘 중 하나만 실행할 수 "
        "있습니다. parallel: {asked}로 바꾸거나(fsdp1은 없으니 fsdp2를 쓰세요) torchrun으로 시작하세요.",
    ),
    # --- tracking
    "tracker-missing": Sentence(
        "tracking: {tracker} is not installed, the run goes on without it ({install}). The journal has it "
        "all.",
        "추적: {tracker}이(가) 설치되어 있지 않아 없이 진행합니다({install}). 저널에는 모두 남습니다.",
    ),
    "tracker-failed": Sentence(
        "tracking: {tracker} failed and is left alone from here: {problem}. The journal has it all.",
        "추적: {tracker}에 문제가 생겨 여기서부터 쓰지 않습니다: {problem}. 저널에는 모두 남습니다.",
    ),
    "tracker-behind": Sentence(
        "tracking: {tracker} had not taken everything {seconds} s after the end, and is left behind.",
        "추적: {tracker}이(가) 끝난 뒤 {seconds}초가 지나도 다 받지 못해 기다리지 않습니다.",
    ),
    # --- workplace
    "stopped": Sentence(
        "Stopped in step {step}; the work so far is saved. Run the same command to go on.",
        "{step} 단계에서 멈췄습니다. 지금까지의 작업은 저장되었습니다. 같은 명령을 다시 실행하면 이어집니다.",
    ),
    # --- storage and records
    "file-missing": Sentence(
        "{path}: no such file. Check the path, or the recipe's data_dir.",
        "{path}: 파일이 없습니다. 경로나 레시피의 data_dir을 확인하세요.",
    ),
    "file-empty": Sentence(
        "{path}: the file holds no records; at least one was expected.",
        "{path}: 레코드가 하나도 없습니다. 한 개 이상 있어야 합니다.",
    ),
    "file-encoding": Sentence(
        "{path}: not UTF-8 (byte {offset}); it looks like {encoding}. "
        "Convert it: iconv -f {encoding} -t UTF-8 {path} > converted",
        "{path}: UTF-8이 아닙니다({offset}번째 바이트). {encoding}(으)로 보입니다. "
        "변환하세요: iconv -f {encoding} -t UTF-8 {path} > converted",
    ),
    "line-unreadable": Sentence(
        "{path}:{line}:{column}: {problem}. Excerpt: {excerpt}",
        "{path}:{line}:{column}: {problem}. 발췌: {excerpt}",
    ),
    "record-invalid": Sentence(
        "{path}:{line}: field {field}: got {value}, expected {expected}.",
        "{path}:{line}: 필드 {field}: 값 {value}, 기대한 것: {expected}.",
    ),
    "disk-full": Sentence(
        "{path}: the disk is full. Free some space and run the same command again; "
        "what was finished is kept.",
        "{path}: 디스크가 가득 찼습니다. 공간을 비우고 같은 명령을 다시 실행하세요. "
        "끝난 작업은 그대로 있습니다.",
    ),
    "disk-failing": Sentence(
        "{path}: the disk reports an input/output error. Look at the system's log; move the run folder to "
        "another disk and run the same command there: what was finished is kept.",
        "{path}: 디스크에서 입출력 오류가 났습니다. 시스템 로그를 살펴보세요. 실행 폴더를 다른 디스크로 옮겨 "
        "같은 명령을 실행하면 끝난 작업은 그대로 있습니다.",
    ),
    # --- YAML
    "yaml-syntax": Sentence(
        "{path}:{line}: not readable as YAML: {problem}.",
        "{path}:{line}: YAML로 읽을 수 없습니다: {problem}.",
    ),
    "yaml-too-large": Sentence(
        "{path}: {size} bytes; a recipe may have {limit}. Is this the right file?",
        "{path}: {size}바이트입니다. 레시피는 {limit}바이트까지입니다. 맞는 파일인지 확인하세요.",
    ),
    "yaml-too-deep": Sentence(
        "{path}:{line}: nested deeper than {limit} levels.",
        "{path}:{line}: {limit}단계보다 깊게 중첩되었습니다.",
    ),
    "yaml-several-documents": Sentence(
        "{path}:{line}: a second document begins here; a recipe is one document.",
        "{path}:{line}: 두 번째 문서가 시작됩니다. 레시피는 문서 하나여야 합니다.",
    ),
    "yaml-anchor": Sentence(
        "{path}:{line}: anchors (&) and aliases (*) are not allowed here. Write the value out, or quote "
        "the text.",
        "{path}:{line}: 앵커(&)와 별칭(*)은 쓸 수 없습니다. 값을 그대로 적거나 따옴표로 감싸세요.",
    ),
    "yaml-tag": Sentence(
        "{path}:{line}: the tag {tag} is not allowed here. Write the plain value, or quote the text.",
        "{path}:{line}: 태그 {tag}은(는) 쓸 수 없습니다. 값만 적거나 따옴표로 감싸세요.",
    ),
    "yaml-duplicate-key": Sentence(
        "{path}:{line}: the key {key} was already given at line {first}. Keep one of them.",
        "{path}:{line}: 키 {key}이(가) {first}번째 줄에 이미 있습니다. 하나만 남기세요.",
    ),
    "yaml-key": Sentence(
        "{path}:{line}: a key must be a word, not a list or a mapping.",
        "{path}:{line}: 키는 목록이나 매핑이 아니라 낱말이어야 합니다.",
    ),
    "yaml-leading-zero": Sentence(
        "{where}: {value} has a leading zero, which some read as octal. Write {plain}, or quote it to mean "
        "text.",
        "{where}: {value}은(는) 0으로 시작해 8진수로 읽힐 수 있습니다. {plain}(으)로 쓰거나 글자라면 "
        "따옴표로 감싸세요.",
    ),
    "yaml-not-finite": Sentence(
        "{where}: {value} is not a finite number this computer can hold.",
        "{where}: {value}은(는) 다룰 수 있는 유한한 수가 아닙니다.",
    ),
    # --- templates
    "template-unknown": Sentence(
        "No template is called {name}. Did you mean {nearest}? Known: {known}.",
        "{name}(이)라는 템플릿은 없습니다. {nearest}을(를) 뜻하셨나요? 있는 것: {known}.",
    ),
    "template-roles": Sentence(
        "Template {template}: got the roles {roles}; expected at most one system message at the front, "
        "then user and assistant in turn, user first. Reorder or merge the messages.",
        "템플릿 {template}: 역할 순서가 {roles}입니다. system은 맨 앞에 하나까지, 그다음은 user부터 "
        "user와 assistant가 번갈아 나와야 합니다. 메시지 순서를 바로잡거나 합치세요.",
    ),
    "template-invalid": Sentence(
        "Template {template} cannot be read: {problem}. Name a built-in template, or correct the file.",
        "템플릿 {template}을(를) 읽을 수 없습니다: {problem}. 내장 템플릿을 지정하거나 파일을 고치세요.",
    ),
    "template-failed": Sentence(
        "Chat template {template} stopped while rendering: {problem}. "
        "Use another template, or correct its source.",
        "대화 템플릿 {template}이(가) 렌더링 중에 멈췄습니다: {problem}. "
        "다른 템플릿을 쓰거나 원문을 고치세요.",
    ),
    "template-not-closed": Sentence(
        "Chat template {template} does not close an assistant turn with a known end token (after the reply "
        "comes {found}; known: {known}), so a model could never learn to stop. Name the token in end_tokens.",
        "대화 템플릿 {template}이(가) assistant 차례를 알려진 끝 토큰으로 닫지 않습니다(답변 뒤에 "
        "오는 것: {found}, 알려진 것: {known}). 이대로는 모델이 멈추는 법을 배울 수 없습니다. "
        "end_tokens에 그 토큰을 적으세요.",
    ),
    "template-loses-text": Sentence(
        "Chat template {template} shows the {role} message {times} times; expected exactly once. "
        "Leave that message out, or use another template.",
        "대화 템플릿 {template}이(가) {role} 메시지를 {times}번 보여 줍니다. 정확히 한 번이어야 합니다. "
        "그 메시지를 빼거나 다른 템플릿을 쓰세요.",
    ),
    # --- recipe
    "recipe-unknown-template": Sentence(
        "{where}: no template called {name}. Did you mean {nearest}? Known: {known}.",
        "{where}: {name} 템플릿이 없습니다. 혹시 {nearest}? 쓸 수 있는 템플릿: {known}.",
    ),
    "recipe-not-mapping": Sentence(
        "{path}: a recipe is keys and values, with `steps` (name: {{use: kind, …}}) among them.",
        "{path}: 레시피는 키와 값이며, 그중 `steps`(이름: {{use: 종류, …}})가 있어야 합니다.",
    ),
    "recipe-unknown": Sentence(
        "No recipe called {recipe}. Did you mean {nearest}? Built in: {known}; a path to a YAML file works "
        "too.",
        "{recipe} 레시피가 없습니다. 혹시 {nearest}? 내장 레시피: {known}. YAML 파일 경로도 쓸 수 있습니다.",
    ),
    "recipe-unknown-key": Sentence(
        "{where}: unknown key {key}. Did you mean {nearest}?",
        "{where}: 모르는 키 {key}. 혹시 {nearest}?",
    ),
    "recipe-unknown-key-listed": Sentence(
        "{where}: unknown key {key}. Known here: {known}.",
        "{where}: 모르는 키 {key}. 여기서 쓸 수 있는 키: {known}.",
    ),
    "recipe-missing-key": Sentence(
        "{where}: the key {key} is needed here.",
        "{where}: 키 {key}이(가) 필요합니다.",
    ),
    "recipe-value": Sentence(
        "{where}: {field}: got {value}; expected: {expected}.",
        "{where}: {field}: 값 {value}; 기대한 것: {expected}.",
    ),
    "recipe-step-use": Sentence(
        "{where}: step {step} needs `use:` with the kind of step. Kinds: {kinds}.",
        "{where}: {step} 단계에는 종류를 적는 `use:`가 필요합니다. 종류: {kinds}.",
    ),
    "recipe-step-name": Sentence(
        "{where}: {step} cannot name a step. Use up to 40 letters, digits, - and _, and no shared key's "
        "name.",
        "{where}: {step}은(는) 단계 이름으로 쓸 수 없습니다. 글자, 숫자, -, _ 40자까지이며 공통 키 이름은 "
        "안 됩니다.",
    ),
    "recipe-unknown-kind": Sentence(
        "{where}: no kind of step called {kind}. Did you mean {nearest}?",
        "{where}: {kind}(이)라는 단계 종류가 없습니다. 혹시 {nearest}?",
    ),
    "recipe-missing-input": Sentence(
        "{where}: the input {field} ({record}) is needed. Name a step, a step/output or a path.",
        "{where}: 입력 {field}({record})이(가) 필요합니다. 단계, 단계/출력 또는 경로를 적으세요.",
    ),
    "recipe-circle": Sentence(
        "Steps wait for each other: {circle}. Break the circle.",
        "단계들이 서로를 기다립니다: {circle}. 고리를 끊으세요.",
    ),
    "reference-type": Sentence(
        "{where}: {written} gives {given}; this input takes {wanted}.",
        "{where}: {written}의 내용은 {given}인데, 이 입력은 {wanted}을(를) 받습니다.",
    ),
    "reference-ambiguous": Sentence(
        "{where}: {written} has several fitting outputs. Say which: {choices}.",
        "{where}: {written}에는 맞는 출력이 여럿입니다. 하나를 고르세요: {choices}.",
    ),
    "reference-unknown": Sentence(
        "{where}: no step or file called {written}. Did you mean {nearest}?",
        "{where}: {written}(이)라는 단계나 파일이 없습니다. 혹시 {nearest}?",
    ),
    "reference-unknown-listed": Sentence(
        "{where}: no step or file called {written}. Steps: {known}.",
        "{where}: {written}(이)라는 단계나 파일이 없습니다. 단계: {known}.",
    ),
    "reference-twice": Sentence(
        "{where}: two of these models would have the same name in the results: {names}.",
        "{where}: 결과에서 이름이 같아지는 모델이 있습니다: {names}.",
    ),
    "model-missing": Sentence(
        "{where}: no model folder {path} for {model}. Give a folder, or a Hub id such as owner/name.",
        "{where}: {model}의 모델 폴더 {path}이(가) 없습니다. 폴더나 owner/name 형태의 Hub id를 적으세요.",
    ),
    "file-missing-for": Sentence(
        "{where}: {path}: no such file. Check the path, or the recipe's data_dir.",
        "{where}: {path}: 파일이 없습니다. 경로나 레시피의 data_dir을 확인하세요.",
    ),
    "folder-missing": Sentence(
        "{path}: no such folder; data_dir names the folder that the recipe's files lie below.",
        "{path}: 폴더가 없습니다. data_dir은 레시피의 파일들이 있는 폴더입니다.",
    ),
    "path-not-one": Sentence(
        "{path}: matches {count} files; this setting takes one.",
        "{path}: 파일 {count}개와 맞습니다. 이 설정은 하나만 받습니다.",
    ),
    "override-form": Sentence(
        "--set {override}: expected key=value, such as --set ppo.updates=10.",
        "--set {override}: --set ppo.updates=10처럼 키=값이어야 합니다.",
    ),
    # --- pipeline
    "run-locked": Sentence(
        "{run}: another process works in this folder (pid {pid} on {host}, since {start}). "
        "Wait for it, stop it, or choose another --out.",
        "{run}: 다른 프로세스가 이 폴더에서 작업 중입니다(pid {pid}, 호스트 {host}, 시작 {start}). "
        "끝나기를 기다리거나, 멈추거나, 다른 --out을 쓰세요.",
    ),
    "folder-unwritable": Sentence(
        "{path}: cannot write here ({problem}). Choose another --out, or change the folder's rights.",
        "{path}: 여기에 쓸 수 없습니다({problem}). 다른 --out을 쓰거나 폴더 권한을 바꾸세요.",
    ),
    "output-not-written": Sentence(
        "Step {step} ended without writing its output {output}. This is a bug of dajeong.",
        "{step} 단계가 출력 {output}을(를) 쓰지 않고 끝났습니다. dajeong의 버그입니다.",
    ),
    "step-run": Sentence("[{index}/{of}] {step}", "[{index}/{of}] {step}"),
    "step-resume": Sentence("[{index}/{of}] {step}: going on", "[{index}/{of}] {step}: 이어서 합니다"),
    "step-skipped": Sentence("[{index}/{of}] {step}: done already", "[{index}/{of}] {step}: 이미 끝남"),
    "step-done": Sentence("[{index}/{of}] {step}: {seconds} s", "[{index}/{of}] {step}: {seconds}초"),
    "step-because": Sentence("      - {reason}", "      - {reason}"),
    "unfinished-changed": Sentence(
        "step {step} stopped midway, at {checkpoint}, and would begin anew: {reasons}. Change it back to go "
        "on, or give up what was done with --force {step}.",
        "{step} 단계는 {checkpoint}에서 멈췄는데, 바뀐 것이 있어 처음부터 다시 하게 됩니다: {reasons}. 이어 "
        "가려면 되돌리고, 지금까지 한 것을 버리려면 --force {step}을(를) 쓰세요.",
    ),
    "why-new": Sentence("not run yet", "아직 실행한 적 없음"),
    "why-done": Sentence("nothing it depends on has changed", "의존하는 것이 바뀌지 않음"),
    "why-resume": Sentence("was interrupted", "중간에 멈춤"),
    "why-forced": Sentence("--force", "--force"),
    "why-after": Sentence(
        "step {step} runs again; this one follows if its output changes",
        "{step} 단계를 다시 실행함. 출력이 바뀌면 이 단계도 실행",
    ),
    "why-setting": Sentence("{key}: {old} → {new}", "{key}: {old} → {new}"),
    "why-step": Sentence("step {step} changed", "{step} 단계가 바뀜"),
    "why-file": Sentence("{file} changed", "{file} 내용이 바뀜"),
    "why-output": Sentence("{file} is missing or was altered", "{file}이(가) 없거나 바뀜"),
    # --- rollout
    "writing-replies": Sentence("Writing replies", "답변 쓰는 중"),
    "logits-not-finite": Sentence(
        "The model answered NaN after {drawn} tokens of a reply; nothing can be drawn from that. "
        "Its weights or the training before it have diverged: look at the journal of the step that made it.",
        "답변의 {drawn}번째 토큰 뒤에 모델이 NaN을 내서 이어 쓸 수 없습니다. "
        "가중치가 망가졌거나 앞선 학습이 발산했습니다. 이 모델을 만든 단계의 기록을 확인하세요.",
    ),
    # --- reading data
    "unreadable-cut": Sentence(
        "looks cut off ({problem}); was the file copied or written to its end?",
        "중간에 잘린 것 같습니다({problem}). 파일이 끝까지 복사되거나 쓰였는지 확인하세요",
    ),
    "unreadable-json": Sentence("is not JSON ({problem})", "JSON이 아닙니다({problem})"),
    "unreadable-long": Sentence(
        "is longer than {limit} bytes: more likely a broken file than one record",
        "{limit}바이트보다 깁니다. 레코드 하나가 아니라 깨진 파일로 보입니다",
    ),
    "unreadable-bytes": Sentence(
        "is not UTF-8 at byte {offset}{guess}", "{offset}번째 바이트가 UTF-8이 아닙니다{guess}"
    ),
    "unreadable-nul": Sentence("holds a NUL character", "NUL 문자가 들어 있습니다"),
    "unreadable-deep": Sentence("is nested too deeply", "너무 깊이 중첩되어 있습니다"),
    "unreadable-twice": Sentence("has the key {key} twice", "{key} 키가 두 번 나옵니다"),
    "unreadable-number": Sentence(
        "holds {value}, which is no finite number", "유한한 수가 아닌 {value}이(가) 있습니다"
    ),
    "unreadable-surrogate": Sentence(
        "holds half a character ({escape})", "반쪽짜리 문자({escape})가 들어 있습니다"
    ),
    "unreadable-object": Sentence(
        "is a {found}; an object {{…}} was expected", "{found}입니다. 객체 {{…}}여야 합니다"
    ),
    "unreadable-columns": Sentence(
        "has {found} columns; the header has {expected}", "열이 {found}개입니다. 머리글은 {expected}개입니다"
    ),
    "unreadable-table": Sentence(
        "is no proper table row ({problem})", "표의 행으로 읽을 수 없습니다({problem})"
    ),
    # --- cleaning data
    "clean-done": Sentence(
        "{step}: {records} of {rows} records stay; repaired or noted: {changed}; dropped: {dropped}.",
        "{step}: 레코드 {rows}개 가운데 {records}개가 남았습니다. 고치거나 찾은 것: {changed}. "
        "버린 것: {dropped}.",
    ),
    "clean-dropped": Sentence(
        "{step}: the filter {filter} drops {count} of {records} records; the limit is max_dropped = {limit}, "
        "and one record must remain. All that was dropped: {reasons}. It is listed in {rejects}; are these "
        "the right files? Else raise max_dropped, or leave the filter out ({filter}: null).",
        "{step}: 필터 {filter}이(가) 레코드 {records}개 가운데 {count}개를 버립니다. 한도는 max_dropped = "
        "{limit}이고 하나는 남아야 합니다. 버린 것 모두: {reasons}. {rejects}에 목록이 있습니다. 맞는 "
        "파일인지 확인하고, 맞다면 max_dropped를 올리거나 필터를 빼세요({filter}: null).",
    ),
    "clean-empty": Sentence(
        "{step}: no record is left (dropped: {reasons}). Name other files, or leave filters out.",
        "{step}: 남은 레코드가 없습니다(버린 것: {reasons}). 다른 파일을 쓰거나 필터를 빼세요.",
    ),
    "clean-mixed": Sentence(
        "{step}: {file} holds another type of record than the files before it; clean dialogues and "
        "preferences in two steps.",
        "{step}: {file}의 레코드 종류가 앞의 파일과 다릅니다. 대화와 선호 자료는 두 단계로 나누어 "
        "정제하세요.",
    ),
    # --- terminal chat
    "chat-welcome": Sentence(
        "Talking to {model}. /help lists the commands; Ctrl-D leaves.",
        "{model}와(과) 대화합니다. /help로 명령을 볼 수 있고 Ctrl-D로 끝냅니다.",
    ),
    "chat-you": Sentence("you> ", "나> "),
    "chat-help": Sentence(
        "/reset          forget the conversation\n"
        "/system TEXT    tell the model how to be; without TEXT, take it back\n"
        "/save FILE      append the conversation to FILE as one JSON line\n"
        "/quit           leave (so does Ctrl-D)\n"
        "Ctrl-C          stop the answer being written",
        "/reset          지금까지의 대화를 잊습니다\n"
        "/system 글      모델에게 줄 지시를 정합니다. 글이 없으면 지시를 거둡니다\n"
        "/save 파일      대화를 파일 끝에 JSON 한 줄로 덧붙입니다\n"
        "/quit           끝냅니다(Ctrl-D도 같습니다)\n"
        "Ctrl-C          쓰고 있는 답변을 멈춥니다",
    ),
    "chat-reset": Sentence("The conversation is forgotten.", "대화를 잊었습니다."),
    "chat-system": Sentence("The instruction holds from now on.", "지금부터 지시를 따릅니다."),
    "chat-system-none": Sentence("There is no instruction any more.", "지시를 거두었습니다."),
    "chat-saved": Sentence("{path}: {turns} turns saved.", "{path}: 대화 {turns}번을 저장했습니다."),
    "chat-save-usage": Sentence("Name a file: /save FILE", "파일 이름을 적어 주세요: /save 파일"),
    "chat-save-nothing": Sentence("Nothing has been said yet.", "아직 나눈 대화가 없습니다."),
    "chat-save-failed": Sentence(
        "{path}: not saved ({problem}). Choose another place; the conversation is still here.",
        "{path}: 저장하지 못했습니다({problem}). 다른 곳을 골라 주세요. 대화는 그대로 있습니다.",
    ),
    "chat-unknown": Sentence(
        "{command}: no such command. There are {known}.",
        "{command}: 없는 명령입니다. 쓸 수 있는 명령: {known}.",
    ),
    "chat-stopped": Sentence("(stopped)", "(멈췄습니다)"),
    "chat-interrupted": Sentence("Ctrl-C once more leaves.", "Ctrl-C를 한 번 더 누르면 끝냅니다."),
    "chat-empty": Sentence("(The model said nothing.)", "(모델이 아무 말도 하지 않았습니다.)"),
    "chat-dropped": Sentence(
        "(The conversation no longer fits: its {turns} oldest turns are forgotten.)",
        "(대화가 너무 길어져 가장 오래된 {turns}번을 잊었습니다.)",
    ),
    "chat-too-long": Sentence(
        "That is too long: {tokens} tokens, and the model takes fewer than {limit}. Say it in fewer words.",
        "너무 깁니다: {tokens}토큰인데 모델은 {limit}토큰 미만만 받습니다. 더 짧게 말해 주세요.",
    ),
    "chat-bye": Sentence("Goodbye.", "안녕히 가세요."),
    # --- serving
    "serve-listening": Sentence(
        "Listening at {url}; loading…", "{url}에서 듣고 있습니다. 모델을 불러옵니다…"
    ),
    "serve-ready": Sentence("Ready: {models}. Ctrl-C ends.", "준비됐습니다: {models}. Ctrl-C로 끝냅니다."),
    "serve-ended": Sentence("The server has ended.", "서버를 끝냈습니다."),
    "serve-no-key": Sentence(
        "{host} can be reached by others, and there is no key. Set one in the environment variable "
        "DAJEONG_SERVE_KEY, or listen at 127.0.0.1.",
        "{host}은(는) 다른 곳에서 닿을 수 있는 주소인데 키가 없습니다. 환경 변수 DAJEONG_SERVE_KEY에 키를 "
        "정하거나 127.0.0.1에서 들으세요.",
    ),
    "serve-port": Sentence(
        "{host}:{port}: cannot listen there ({problem}). Choose another --port; 0 takes a free one.",
        "{host}:{port}: 여기서 들을 수 없습니다({problem}). 다른 --port를 고르세요. 0이면 빈 포트를 씁니다.",
    ),
    "help-serve": Sentence("Serve a model over OpenAI's API.", "모델을 OpenAI API로 제공합니다."),
    "help-serve-host": Sentence(
        "Address to listen at. Any but this machine's own needs a key in DAJEONG_SERVE_KEY.",
        "들을 주소. 이 기계 안의 주소가 아니면 DAJEONG_SERVE_KEY에 키가 있어야 합니다.",
    ),
    "help-serve-port": Sentence("0 takes a free one.", "0이면 빈 포트를 씁니다."),
    "help-serve-allow-host": Sentence(
        "A host name that requests may be addressed to; repeatable.",
        "요청을 받아들일 호스트 이름. 여러 번 쓸 수 있습니다.",
    ),
    "help-serve-rows": Sentence("Replies written at the same time.", "동시에 쓰는 답변 수."),
    "help-serve-waiting": Sentence(
        "Replies that may wait; further requests are told to come again.",
        "기다릴 수 있는 답변 수. 넘으면 나중에 다시 오라고 답합니다.",
    ),
    "help-serve-votes": Sentence(
        "File that gets the votes; votes.jsonl of the run by default.",
        "투표를 적을 파일. 기본값은 실행 폴더의 votes.jsonl.",
    ),
    "help-serve-engine": Sentence(
        "What writes: native, with every adapter of a run; or vllm, for a merged model (extra vllm).",
        "답변을 쓰는 엔진. native는 실행의 모든 어댑터를, vllm은 합친 모델을 제공합니다(extra vllm).",
    ),
    "serve-engine": Sentence(
        "--engine {engine}: no such engine. There are: {known}.",
        "--engine {engine}: 그런 엔진은 없습니다. 있는 것: {known}.",
    ),
    "serve-vllm-merged": Sentence(
        "{path}: vLLM serves whole models here. Merge the adapter first (dajeong export), and name the "
        "merged "
        "folder.",
        "{path}: vLLM은 전체 모델만 제공합니다. 어댑터를 먼저 합치고(dajeong export) 합친 폴더를 쓰세요.",
    ),
    "help-serve-log": Sentence(
        "Also log what was said; else only lengths.", "오간 말도 기록합니다. 없으면 길이만 기록합니다."
    ),
    "api-unsupported": Sentence(
        "{param} is not supported here. Leave it out.", "{param}은(는) 지원하지 않습니다. 빼고 보내세요."
    ),
    "api-unknown-parameter": Sentence(
        "Unrecognized request argument: {param}.", "모르는 요청 인자입니다: {param}."
    ),
    "api-json": Sentence("The body is not valid JSON.", "본문이 올바른 JSON이 아닙니다."),
    "api-no-route": Sentence(
        "There is nothing here by this method.", "이 방법으로는 여기에 아무것도 없습니다."
    ),
    "api-internal": Sentence(
        "The server made a mistake; its log says more.", "서버에 오류가 있었습니다. 서버 기록을 보세요."
    ),
    "api-host": Sentence(
        "This host name is not served here. Allow it with --allow-host.",
        "이 호스트 이름은 받지 않습니다. --allow-host로 허용하세요.",
    ),
    "api-origin": Sentence(
        "Pages of other places may not ask here.", "다른 곳의 페이지는 요청할 수 없습니다."
    ),
    "api-key": Sentence(
        "The key is missing or wrong: send Authorization: Bearer KEY.",
        "키가 없거나 틀립니다. Authorization: Bearer 키를 보내세요.",
    ),
    "api-too-large": Sentence(
        "The request is larger than {limit} bytes.", "요청이 {limit}바이트보다 큽니다."
    ),
    "api-loading": Sentence("The model is still loading.", "모델을 아직 불러오고 있습니다."),
    "api-draining": Sentence("The server is stopping.", "서버가 끝나는 중입니다."),
    "api-engine": Sentence(
        "The engine failed while this reply was written.", "이 답변을 쓰다가 엔진이 실패했습니다."
    ),
    "api-full": Sentence(
        "Too many requests are waiting; come again soon.",
        "기다리는 요청이 너무 많습니다. 잠시 뒤 다시 오세요.",
    ),
    "api-deadline": Sentence(
        "The reply took longer than the server allows.", "답변이 서버가 허용한 시간보다 오래 걸렸습니다."
    ),
    "api-model": Sentence(
        "The model {model!r} does not exist here. There are: {known}.",
        "{model!r} 모델은 여기에 없습니다. 있는 모델: {known}.",
    ),
    "api-reward-writes": Sentence(
        "{model} is a reward model: it scores (/v1/score) and does not write.",
        "{model}은(는) 보상 모델입니다. 점수만 매기고(/v1/score) 글은 쓰지 않습니다.",
    ),
    "api-writes-no-scores": Sentence(
        "{model} writes; only a reward model scores.",
        "{model}은(는) 글을 쓰는 모델입니다. 점수는 보상 모델이 매깁니다.",
    ),
    "api-context": Sentence(
        "This model's maximum context length is {limit} tokens, and the prompt has {tokens} or more; a reply "
        "needs room too.",
        "이 모델의 최대 문맥 길이는 {limit}토큰인데 프롬프트가 {tokens}토큰 이상입니다. 답변이 들어갈 자리도 "
        "필요합니다.",
    ),
    "api-max-tokens": Sentence(
        "max_tokens is {asked}, but this model's maximum context length is {limit} tokens.",
        "max_tokens가 {asked}인데 이 모델의 최대 문맥 길이는 {limit}토큰입니다.",
    ),
    "api-top-logprobs": Sentence(
        "top_logprobs needs logprobs: true.", "top_logprobs를 쓰려면 logprobs: true가 필요합니다."
    ),
    "api-stream-options": Sentence(
        "stream_options needs stream: true.", "stream_options를 쓰려면 stream: true가 필요합니다."
    ),
    "api-nothing-asked": Sentence(
        "max_tokens 0 only makes sense with echo, and not as a stream.",
        "max_tokens 0은 echo와 함께, 스트림이 아닐 때만 쓸 수 있습니다.",
    ),
    "api-token": Sentence(
        "The token {token} does not exist; the vocabulary has {vocabulary}.",
        "{token}번 토큰은 없습니다. 어휘는 {vocabulary}개입니다.",
    ),
    "api-user-last": Sentence("The messages must end with the user.", "메시지는 user의 말로 끝나야 합니다."),
    "api-either": Sentence("Give either prompt or messages.", "prompt와 messages 가운데 하나만 보내세요."),
    "api-no-votes": Sentence(
        "This server keeps no votes: it serves no run. Start it with --votes FILE.",
        "이 서버는 투표를 적지 않습니다. 실행 폴더를 제공하는 것이 아니니 --votes 파일로 시작하세요.",
    ),
    "source-unknown": Sentence(
        "No source is called {name}. Did you mean {nearest}? Known: {known}.",
        "{name}(이)라는 출처는 없습니다. {nearest}을(를) 뜻하셨나요? 있는 것: {known}.",
    ),
    "row-field": Sentence(
        "has no field {field}; its fields: {columns}", "{field} 필드가 없습니다. 있는 필드: {columns}"
    ),
    "row-type": Sentence(
        "field {field} is {found}; expected {expected}",
        "{field} 필드가 {found}입니다. 기대한 것: {expected}",
    ),
    "row-role": Sentence(
        "has the unknown role {role}; known: {known}", "모르는 역할 {role}입니다. 아는 역할: {known}"
    ),
    "row-roles": Sentence(
        "has the roles {roles}; user and assistant must take turns, user first",
        "역할 순서가 {roles}입니다. user부터 user와 assistant가 번갈아 나와야 합니다",
    ),
    "row-sides": Sentence(
        "has no prompt, and chosen and rejected do not begin alike",
        "prompt가 없고 chosen과 rejected의 앞부분도 같지 않습니다",
    ),
    "row-record": Sentence(
        "is no {kind}: field {field}: {problem}", "{kind} 레코드가 아닙니다. 필드 {field}: {problem}"
    ),
    "row-mixed": Sentence(
        "is a {found} among {expected} records; read them in two steps",
        "{expected} 레코드 사이에 {found}이(가) 있습니다. 두 단계로 나누어 읽으세요",
    ),
    "row-form": Sentence("field {field} is not of the form {form}", "{field} 필드가 {form} 형식이 아닙니다"),
    "row-label": Sentence(
        "has the unknown label {label}; known: {known}", "모르는 레이블 {label}입니다. 아는 레이블: {known}"
    ),
    "row-sum": Sentence(
        "field {field} is {sum}, but its scores add up to {found}",
        "{field} 필드는 {sum}인데 점수의 합은 {found}입니다",
    ),
    "row-unpaired": Sentence(
        "has one completion and a label (KTO), which is neither an example nor a pair",
        "답 하나와 label만 있는 행(KTO)이라 예제도 쌍도 되지 않습니다",
    ),
    "row-nothing": Sentence("holds nothing that could be a record", "레코드가 될 것이 없습니다"),
    "row-looks-like": Sentence(
        " (rows like these are read by source: {source})", " (이런 행은 source: {source}(으)로 읽습니다)"
    ),
    "source-no-options": Sentence(
        "this source has no options, got {options}", "이 출처에는 options가 없습니다: {options}"
    ),
    "folder-nothing": Sentence(
        "{path}: holds no file this source reads ({wanted}). Name the file itself, or the folder above it.",
        "{path}: 이 출처가 읽는 파일({wanted})이 없습니다. 파일이나 다른 폴더를 지정하세요.",
    ),
    "archive-broken": Sentence(
        "{path}: cannot be unpacked ({problem}). Download it again, or unpack it and name the folder.",
        "{path}: 압축을 풀 수 없습니다({problem}). 다시 내려받거나, 직접 풀어 폴더를 지정하세요.",
    ),
    "archive-nested": Sentence(
        "{path}: holds another archive ({member}). Unpack the outer one and name the inner ones.",
        "{path}: 압축 파일 안에 또 압축 파일({member})이 있습니다. 바깥 것을 풀어 폴더나 안쪽 파일을 "
        "지정하세요.",
    ),
    "archive-outside": Sentence(
        "{path}: its member {member} points outside of the archive. Refused; is this the original download?",
        "{path}: {member}이(가) 압축 파일 밖을 가리킵니다. 읽지 않습니다. 원본이 맞는지 확인하세요.",
    ),
    "archive-locked": Sentence(
        "{path}: its member {member} is locked with a password. Unpack it yourself and name the folder.",
        "{path}: {member}에 암호가 걸려 있습니다. 직접 풀어 폴더를 지정하세요.",
    ),
    "archive-bomb": Sentence(
        "{path}: {members} members would grow to {size} bytes, {growth} times its size. Refused; if it is "
        "what you expect, unpack it yourself and name the folder.",
        "{path}: 파일 {members}개가 {size}바이트로, {growth}배로 커집니다. 읽지 않습니다. 맞는 파일이라면 "
        "직접 풀어 폴더를 지정하세요.",
    ),
    "table-broken": Sentence(
        "{path}: not readable as Parquet ({problem}). Was the file copied to its end?",
        "{path}: Parquet으로 읽을 수 없습니다({problem}). 끝까지 복사되었는지 확인하세요.",
    ),
    "table-in-archive": Sentence(
        "{path}: a Parquet file above {limit} bytes inside an archive. Unpack it first.",
        "{path}: 압축 파일 안의 Parquet 파일이 {limit}바이트를 넘습니다. 먼저 푸세요.",
    ),
    "file-changed": Sentence(
        "{path}: changed while it was being read, so nothing of it was kept. Run again once it is whole.",
        "{path}: 읽는 동안 파일이 바뀌어 아무것도 남기지 않았습니다. 파일이 완성된 뒤 다시 실행하세요.",
    ),
    "file-kind": Sentence(
        "{path}: looks like {kind}, which is not read here. Unpack it, or save it as JSON Lines, CSV or "
        "Parquet.",
        "{path}: {kind} 파일로 보이며, 여기서는 읽지 않습니다. 압축을 풀거나 JSON Lines, CSV, Parquet으로 "
        "저장하세요.",
    ),
    "file-pointer": Sentence(
        "{path}: only a pointer of Git LFS; the {size} bytes it stands for are not here. Fetch them: "
        "git lfs pull",
        "{path}: Git LFS 포인터일 뿐입니다. 실제 {size}바이트는 여기에 없습니다. 내려받으세요: git lfs pull",
    ),
    "columns-twice": Sentence("has the column {name} twice", "{name} 열이 두 번 나옵니다"),
    "row-mapped": Sentence(
        " (columns like these are read by source: columns, options: {{{options}}})",
        " (이런 열은 source: columns, options: {{{options}}}(으)로 읽습니다)",
    ),
    "hub-unreachable": Sentence(
        "hub {name}, split {split}: cannot be read: {problem}. Check name, split and network; offline, it "
        "must lie in the cache or in a folder.",
        "hub {name}, split {split}: 읽을 수 없습니다: {problem}. 이름과 split, 네트워크를 확인하세요. "
        "오프라인이라면 캐시나 폴더에 있어야 합니다.",
    ),
    "extra-missing": Sentence(
        "{needed_for} is not installed here. Install it: pip install 'dajeong[{extra}]'",
        "{needed_for}이(가) 설치되어 있지 않습니다. 설치하세요: pip install 'dajeong[{extra}]'",
    ),
    "source-evaluation": Sentence(
        "{files}: {source} is an evaluation set, which models are measured on; after learning from it no "
        "figure on it means anything. To measure on it, read it with `evaluation: true`.",
        "{files}: {source}은(는) 평가 세트입니다. 학습하고 나면 그 위에서 잰 수치는 뜻이 없어집니다. 측정에 "
        "쓰려면 `evaluation: true`로 읽으세요.",
    ),
    "read-evaluation": Sentence(
        "{files}: {count} of {rows} records belong to the evaluation set {set}, which models are measured "
        "on; after learning from it no figure on it means anything. To measure on it, read it with "
        "`evaluation: true`.",
        "{files}: 레코드 {rows}개 가운데 {count}개가 평가 세트 {set}에 속합니다. 학습하고 나면 그 위에서 잰 "
        "수치는 뜻이 없어집니다. 측정에 쓰려면 `evaluation: true`로 읽으세요.",
    ),
    "evaluation-learned": Sentence(
        "step {step}: {record} belongs to the evaluation set {set} and was read for measuring; nothing may "
        "learn from it. Take it out of the step's data.",
        "{step} 단계: {record}은(는) 측정용으로 읽은 평가 세트 {set}의 레코드라 학습에 쓸 수 없습니다. 이 "
        "단계의 데이터에서 빼세요.",
    ),
    "read-done": Sentence(
        "{step}: {records} records of {rows} rows; unreadable {unreadable}; dropped {dropped}.",
        "{step}: {rows}개 행에서 레코드 {records}개. 읽지 못한 행 {unreadable}개, 버린 것: {dropped}.",
    ),
    "read-unreadable": Sentence(
        "{files}: {count} of {rows} rows cannot be read, more than max_unreadable = {limit}. "
        "The first is {first}. They are listed in {rejects}; mend the file, or raise max_unreadable.",
        "{files}: {rows}개 행 가운데 {count}개를 읽을 수 없습니다. max_unreadable = {limit}을(를) 넘습니다. "
        "첫 번째는 {first}. {rejects}에 목록이 있습니다. 파일을 고치거나 max_unreadable을 올리세요.",
    ),
    "read-dropped": Sentence(
        "{files}: the rules drop {count} of {rows} records ({rules}); the limit is max_dropped = {limit}, "
        "and one record must remain. "
        "They are listed in {rejects}; is it the right file? Else raise max_dropped.",
        "{files}: 규칙에 걸려 레코드 {rows}개 가운데 {count}개가 버려집니다({rules}). "
        "한도는 max_dropped = {limit}이고 하나는 남아야 합니다. {rejects}에 목록이 있습니다. "
        "맞는 파일인지 확인하거나 max_dropped를 올리세요.",
    ),
    # --- labelling
    "help-label": Sentence(
        "People choose the better answer, on a page of this machine.",
        "이 컴퓨터의 페이지에서 사람이 더 나은 답변을 고릅니다.",
    ),
    "help-label-page": Sentence(
        "Open the page; the word `page` may be left out.", "페이지를 엽니다. `page`는 빼도 됩니다."
    ),
    "help-label-agreement": Sentence(
        "How far annotators agree with each other, with themselves and with judges; sides and lengths.",
        "사람끼리, 자신과, 채점 모델과 얼마나 일치하는지, 자리와 길이에 얼마나 기우는지.",
    ),
    "help-label-export": Sentence(
        "What the votes come to: preferences that steps read, or every vote.",
        "투표의 결과: 단계가 읽는 선호 레코드, 또는 모든 투표.",
    ),
    "help-label-what": Sentence(
        "A file of preferences or replies, or a run folder.", "선호나 답변의 파일, 또는 실행 폴더."
    ),
    "help-label-labels": Sentence(
        "The folder of the votes; beside the file, or `labels` in the run, by default.",
        "투표 폴더. 기본값은 파일 옆, 또는 실행 폴더 안의 `labels`.",
    ),
    "help-label-host": Sentence(
        "Address to listen at. Any but this machine's own makes a key that the link must have.",
        "들을 주소. 이 컴퓨터 밖에 열면 열쇠를 만들고, 링크에 그 열쇠가 있어야 합니다.",
    ),
    "help-label-port": Sentence("Port; 0 takes a free one.", "포트. 0이면 빈 포트."),
    "help-label-author": Sentence(
        "Whose replies to compare; repeatable. Of a run the last two by default.",
        "비교할 답변의 작성자. 여러 번 쓸 수 있습니다. 실행 폴더면 기본값은 마지막 둘.",
    ),
    "help-label-gold": Sentence(
        "Preferences whose answer is known, shown in between to test annotators; repeatable.",
        "정답을 아는 선호 레코드. 사이사이 보여 정확도를 잽니다. 여러 번 쓸 수 있습니다.",
    ),
    "help-label-judge": Sentence(
        "A judge's preferences on the same answers: hidden, and compared with the votes; repeatable.",
        "같은 답변에 대한 채점 모델의 선호 레코드. 숨겨 두고 투표와 견줍니다. 여러 번 쓸 수 있습니다.",
    ),
    "help-label-seed": Sentence(
        "Draws sides and order; stays what it was when labelling began.",
        "자리와 순서를 뽑는 씨앗. 라벨을 시작한 뒤에는 바뀌지 않습니다.",
    ),
    "help-label-overlap": Sentence(
        "Share of the items that several people label (0.2).", "여러 사람이 라벨하는 항목의 비율(0.2)."
    ),
    "help-label-per-item": Sentence(
        "How many people label such an item (2).", "그런 항목 하나를 라벨하는 사람 수(2)."
    ),
    "help-label-repeats": Sentence(
        "Share of items that one sees again, sides swapped (0.04).",
        "자리를 바꾸어 한 번 더 보는 항목의 비율(0.04).",
    ),
    "help-label-goal": Sentence("Votes of a sitting (50).", "한 번에 할 투표 수(50)."),
    "help-label-show-judge": Sentence(
        "After each vote show what the judge chose.", "투표한 뒤에 채점 모델의 선택을 보입니다."
    ),
    "help-label-out": Sentence(
        "Where to write; with --votes, .csv is for spreadsheets.",
        "쓸 파일. --votes와 함께면 .csv는 표 계산 프로그램용.",
    ),
    "help-label-ties": Sentence(
        "Items on which nobody won: drop or keep.", "승부가 나지 않은 항목: drop 또는 keep."
    ),
    "help-label-both-bad": Sentence(
        "Items that most call bad on all sides: drop, or a tie.",
        "과반이 모두 나쁘다고 한 항목: drop(빼기) 또는 tie(비김).",
    ),
    "help-label-pairs": Sentence(
        "Take rankings of more than two answers apart into weighted pairs.",
        "셋 이상의 순위를 가중치가 있는 쌍으로 나눕니다.",
    ),
    "help-label-votes": Sentence(
        "Every vote as it was given, in place of preferences.", "선호 레코드 대신 모든 투표를 그대로."
    ),
    "help-label-force": Sentence("Write over a file that is there.", "이미 있는 파일을 덮어씁니다."),
    "label-out-exists": Sentence(
        "{out} is there already. Name another file, or write over it with --force.",
        "{out} 파일이 이미 있습니다. 다른 이름을 쓰거나 --force로 덮어쓰세요.",
    ),
    "label-open": Sentence(
        "{items} items; votes are kept in {folder}. Ctrl-C ends it.",
        "항목 {items}개. 투표는 {folder}에 저장합니다. Ctrl-C로 끝냅니다.",
    ),
    "label-damaged": Sentence(
        "the database of votes was damaged and lies in {aside} now; {count} events came back from the copy.",
        "투표 데이터베이스가 깨져 {aside}(으)로 옮기고, 사본에서 {count}건을 되살렸습니다.",
    ),
    "label-healed": Sentence(
        "{count} events were in one of the two copies of votes only; both have them now.",
        "투표 사본 둘 가운데 하나에만 있던 {count}건을 채워 넣었습니다.",
    ),
    "label-exported": Sentence("{out}: {counts}.", "{out}: {counts}."),
    "label-no-items": Sentence(
        "{path}: nothing to compare. Give preferences, or replies of two or more authors to the same "
        "prompts.",
        "{path}: 견줄 것이 없습니다. 선호 레코드나, 같은 프롬프트에 대한 두 작성자 이상의 답변을 주세요.",
    ),
    "label-item-unknown": Sentence("there is no item {item}.", "{item}이라는 항목이 없습니다."),
    "label-ranking": Sentence(
        "{ranking} does not rank every answer once.",
        "{ranking}은 모든 답변의 순위를 한 번씩 매기지 않습니다.",
    ),
    "labels-none": Sentence(
        "{path}: no votes yet. Open the page first with `dajeong label`.",
        "{path}: 아직 투표가 없습니다. 먼저 `dajeong label`로 페이지를 여세요.",
    ),
    "labels-damaged": Sentence(
        "{path}: the database cannot be read ({problem}). Opening the page mends it from the copy beside it.",
        "{path}: 데이터베이스를 읽을 수 없습니다({problem}). 페이지를 열면 옆의 사본으로 고칩니다.",
    ),
    "labels-unreadable": Sentence(
        "a vote cannot be read, it may be of a newer version: {line}.",
        "읽을 수 없는 투표가 있습니다. 더 새로운 버전의 것일 수 있습니다: {line}.",
    ),
    "labels-unwritable": Sentence(
        "the vote could not be kept ({problem}). Look at the disk and who else has the database open, "
        "then try "
        "again.",
        "투표를 저장하지 못했습니다({problem}). 디스크와, 데이터베이스를 연 다른 프로그램을 살핀 뒤 "
        "다시 하세요.",
    ),
    # --- evaluation
    "evaluating-replies": Sentence("Asking the models", "모델에게 묻는 중"),
    "scoring-test-pairs": Sentence("Scoring the test pairs", "시험 쌍을 채점하는 중"),
    "no-prompts": Sentence(
        "Step {step}: its `prompts` hold no record, so there is nothing to ask. Check what `prompts` names.",
        "{step} 단계: `prompts`에 레코드가 없어 물어볼 것이 없습니다. "
        "`prompts`가 무엇을 가리키는지 확인하세요.",
    ),
    "refusals-one-side": Sentence(
        "Step {step}: {harmless} prompts deserve an answer and {harmful} a refusal; both are needed, as a "
        "rate of false refusals says nothing without that of true ones. Kinds `harmful` and `abusive` "
        "deserve one.",
        "{step} 단계: 답해야 할 프롬프트가 {harmless}개, 거절해야 할 프롬프트가 {harmful}개입니다. "
        "잘못된 거절의 비율은 올바른 거절의 비율 없이는 아무 뜻이 없으므로 둘 다 있어야 합니다. `harmful`과 "
        "`abusive` 종류가 거절해야 할 것입니다.",
    ),
    "evaluating-kobest": Sentence("Asking KoBEST's questions", "KoBEST 문제를 묻는 중"),
    "kobest-no-table": Sentence(
        "{data}: no {part} rows for {task}. Expected tables as published, such as BoolQ/test.tsv and "
        "BoolQ/train.tsv.",
        "{data}: {task}의 {part} 행이 없습니다. BoolQ/test.tsv, BoolQ/train.tsv처럼 배포된 그대로의 표가 "
        "필요합니다.",
    ),
    "kobest-several": Sentence(
        "{folder}: several tables of one task, {names}. Leave one, or name its file as `data`.",
        "{folder}: 한 과제의 표가 여럿입니다: {names}. 하나만 남기거나 그 파일을 `data`로 지정하세요.",
    ),
    "kobest-columns": Sentence(
        "{path}: its columns are those of no KoBEST table: {columns}.",
        "{path}: KoBEST 표의 열이 아닙니다: {columns}.",
    ),
    "kobest-width": Sentence(
        "{path}:{line}: {found} cells, expected {expected}. A quote that opens a cell must also close it.",
        "{path}:{line}: 칸이 {found}개인데 {expected}개여야 합니다. 칸을 여는 따옴표는 닫혀야 합니다.",
    ),
    "kobest-label": Sentence(
        "{path}:{line}: {label!r} is none of: {known}.",
        "{path}:{line}: {label!r}은(는) 다음 중 하나여야 합니다: {known}.",
    ),
    "kobest-unreadable": Sentence(
        "{path}:{line}: not a table in UTF-8 with tabs between cells: {problem}.",
        "{path}:{line}: 칸을 탭으로 나눈 UTF-8 표가 아닙니다: {problem}.",
    ),
    "kobest-few-examples": Sentence(
        "{path}: {count} rows to draw examples from, but `shots` asks for {wanted}.",
        "{path}: 예시로 쓸 행이 {count}개인데 `shots`는 {wanted}개를 요구합니다.",
    ),
    "meta-no-criteria": Sentence(
        "No criterion in common: the judge has {judge}; the others have {humans}. Name the columns alike.",
        "같은 기준이 없습니다. 채점 모델: {judge}. 상대: {humans}. 열 이름을 맞추세요.",
    ),
    "meta-no-answers": Sentence(
        "No answer in common: {judge} answers of the judge, {humans} of the others. Both need the same "
        "prompts and answers, or the same reply_id.",
        "같은 답변이 없습니다. 채점 모델의 답변 {judge}개, 상대의 답변 {humans}개. 프롬프트와 답변이 "
        "같거나 reply_id가 같아야 합니다.",
    ),
    "judged-names": Sentence(
        "Step {step}: {names} `names` for {files} files in `judged`. Give one for each, or none.",
        "{step} 단계: `judged`의 파일은 {files}개인데 `names`는 {names}개입니다. 파일마다 하나씩 쓰거나 "
        "비워 두세요.",
    ),
    "judged-source": Sentence(
        "{written}: expected MODEL=FILE or MODEL/KIND=FILE, or just a file.",
        "{written}: MODEL=FILE, MODEL/KIND=FILE, 또는 파일 이름만 쓰세요.",
    ),
    "judged-scale": Sentence(
        "--scale {written}: expected the lowest and the highest score, as in 1-5.",
        "--scale {written}: 1-5처럼 가장 낮은 점수와 가장 높은 점수를 쓰세요.",
    ),
    "judged-reference": Sentence(
        "--reference {reference}: no such model among the files: {known}.",
        "--reference {reference}: 파일에 그런 모델이 없습니다: {known}.",
    ),
    "judged-nothing": Sentence(
        "{path}: no row of it can be read.",
        "{path}: 읽을 수 있는 행이 없습니다.",
    ),
    "judged-columns": Sentence(
        "{path}: no column is called {wanted}. It has: {columns}. Rename the one that holds it.",
        "{path}: {wanted}(이)라는 열이 없습니다. 있는 열: {columns}. 해당하는 열의 이름을 바꾸세요.",
    ),
    "judged-unnamed": Sentence(
        "{path}: column {column} has no name and is no index, so nobody knows what it scores. Name it in the "
        "first line; now: {columns}.",
        "{path}: {column} 열에 이름이 없고 번호도 아니어서 무엇을 매긴 점수인지 알 수 없습니다. "
        "첫 줄에 이름을 쓰세요. 지금 있는 열: {columns}.",
    ),
    "judged-no-criteria": Sentence(
        "{path}: no column holds scores. It has: {columns}.",
        "{path}: 점수가 든 열이 없습니다. 있는 열: {columns}.",
    ),
    "eval-no-pairs": Sentence(
        "{path}: read as {source}, it holds no preference pair. Name another file, or its form: --source.",
        "{path}: {source}(으)로 읽었지만 선호 쌍이 없습니다. 다른 파일을 쓰거나 --source로 형식을 알리세요.",
    ),
    "eval-unreadable": Sentence(
        "{path}: {count} rows could not be read and are left out: {places}",
        "{path}: 읽지 못한 행 {count}개를 뺐습니다: {places}",
    ),
    "no-test-pairs": Sentence(
        "Step {step}: its `test` holds no pair with a better and a worse response. Check what `test` names.",
        "{step} 단계: `test`에 우열이 갈린 응답 쌍이 없습니다. `test`가 무엇을 가리키는지 확인하세요.",
    ),
    # --- command line
    "help-dajeong": Sentence(
        "From a base language model to a friendly, harmless Korean chat model. Start with: dajeong run",
        "기본 언어 모델을 다정하고 해롭지 않은 한국어 대화 모델로 만듭니다. 시작: dajeong run",
    ),
    "help-global": Sentence(
        "--lang, --json, --quiet and --debug work here too: dajeong --help",
        "--lang, --json, --quiet, --debug도 쓸 수 있습니다: dajeong --help",
    ),
    "help-version": Sentence("Print the version.", "버전을 출력합니다."),
    "help-lang": Sentence(
        "Language of messages; the locale's by default.", "메시지 언어. 기본값은 로캘의 언어입니다."
    ),
    "help-json": Sentence("Results as JSON on stdout.", "결과를 JSON으로 stdout에 씁니다."),
    "help-quiet": Sentence("No progress on stderr, only errors.", "진행 상황 없이 오류만 stderr에 씁니다."),
    "help-debug": Sentence("Show tracebacks.", "오류의 상세 추적을 보여 줍니다."),
    "help-run": Sentence(
        "Run a recipe: what is done is skipped, what was interrupted goes on.",
        "레시피를 실행합니다. 끝난 단계는 건너뛰고 멈춘 단계는 이어서 합니다.",
    ),
    "help-run-recipe": Sentence("A built-in recipe or a YAML file.", "내장 레시피 이름 또는 YAML 파일."),
    "help-run-out": Sentence("The run folder; runs/NAME by default.", "실행 폴더. 기본값은 runs/이름."),
    "help-run-set": Sentence(
        "Set a key of the recipe; repeatable.", "레시피의 키를 바꿉니다. 여러 번 쓸 수 있습니다."
    ),
    "help-run-until": Sentence(
        "Only this step and those it needs.", "이 단계와 여기에 필요한 단계만 실행합니다."
    ),
    "help-run-force": Sentence(
        "Run this step even if it is done; repeatable.",
        "끝났더라도 이 단계를 다시 실행합니다. 여러 번 쓸 수 있습니다.",
    ),
    "help-run-track": Sentence(
        "Show the training in this tracker too: tensorboard, wandb, mlflow or trackio. Several may be given.",
        "학습 과정을 이 추적 도구에도 보여 줍니다: tensorboard, wandb, mlflow, trackio. 여러 번 줄 수 "
        "있습니다.",
    ),
    "help-run-dry-run": Sentence(
        "Show the steps and what would run.", "단계와 실행될 것을 보여 주기만 합니다."
    ),
    "help-run-budget": Sentence(
        "Most that services may cost this run in all, in dollars; it stops before that.",
        "서비스에 쓸 수 있는 최대 금액(달러). 넘기 전에 멈춥니다.",
    ),
    "estimate-priced": Sentence(
        "{step}: {requests} requests, {cached} of them answered already; costs about {expected} ({low} or "
        "more), at most {high}",
        "{step}: 요청 {requests}개(이미 답이 있는 것 {cached}개), 예상 비용 {expected}(적으면 {low}), "
        "최대 {high}",
    ),
    "estimate-unpriced": Sentence(
        "{step}: {requests} requests, {cached} of them answered already; price unknown (set price_in and "
        "price_out)",
        "{step}: 요청 {requests}개(이미 답이 있는 것 {cached}개), 가격 모름(price_in과 price_out을 정하세요)",
    ),
    "estimate-later": Sentence(
        "{step}: asks a service; how much is known once the steps before it are done",
        "{step}: 서비스에 묻는 단계입니다. 앞 단계가 끝나야 비용을 알 수 있습니다",
    ),
    "estimate-total": Sentence("in all", "모두"),
    "help-run-explain": Sentence(
        "Say why each step runs or is skipped.", "단계마다 실행하거나 건너뛰는 이유를 말합니다."
    ),
    "help-train": Sentence(
        "Train one stage alone; also under torchrun.",
        "학습 단계 하나만 실행합니다. torchrun으로도 됩니다.",
    ),
    "help-train-kind": Sentence(
        "The step {kind} alone. Its settings: --set KEY=VALUE; dajeong schema lists them. The same command "
        "goes "
        "on where a stopped one was.",
        "{kind} 단계만 실행합니다. 설정은 --set 키=값으로 주며 dajeong schema가 목록을 보여 줍니다. 멈춘 "
        "뒤 같은 "
        "명령을 다시 실행하면 이어집니다.",
    ),
    "help-train-input": Sentence("{record}.", "{record}."),
    "help-train-seed": Sentence("Every draw follows from it.", "모든 무작위 선택이 여기서 나옵니다."),
    "help-train-threads": Sentence(
        "Processor threads; all of this machine's by default.", "프로세서 스레드 수. 기본값은 이 기계의 전부."
    ),
    "train-weight": Sentence(
        "--{option} {value}: expected MODEL or MODEL=WEIGHT, the weight a number.",
        "--{option} {value}: MODEL 또는 MODEL=가중치가 필요하며 가중치는 수입니다.",
    ),
    "help-chat": Sentence("Talk to a model in the terminal.", "터미널에서 모델과 대화합니다."),
    "help-chat-model": Sentence(
        "A run folder, a model folder or a Hub id.", "실행 폴더, 모델 폴더 또는 Hub id."
    ),
    "help-chat-temperature": Sentence(
        "0 always says the likeliest.", "0이면 언제나 가장 그럴듯한 말을 합니다."
    ),
    "help-chat-tokens": Sentence("Longest answer, in tokens.", "가장 긴 답의 토큰 수."),
    "help-chat-seed": Sentence(
        "Same seed and same words, same answers.", "시드와 말이 같으면 답도 같습니다."
    ),
    # --- inspect
    "help-inspect": Sentence(
        "Show what a recipe's training steps would learn from: tokens, learn mask, ends, lengths, leaks.",
        "레시피의 학습 단계가 배울 내용을 보여 줍니다: 토큰, 학습 표시, 끝 토큰, 길이, 누출.",
    ),
    "help-inspect-step": Sentence("Only this step.", "이 단계만."),
    "help-inspect-rows": Sentence("Examples to show of each step.", "단계마다 보여 줄 예시 수."),
    "help-inspect-html": Sentence("Also write a page.", "페이지도 씁니다."),
    "inspect-head": Sentence(
        "{step}: {examples} examples, {tokens} tokens, of which {share} are learned; template {template}, "
        "cut at {max_tokens} tokens",
        "{step}: 예시 {examples}개, 토큰 {tokens}개, 그 가운데 {share}를 배움; 템플릿 {template}, "
        "{max_tokens}토큰에서 자름",
    ),
    "inspect-lengths": Sentence(
        "Tokens of an example: median {median}, 95th percentile {p95}, longest {longest}.",
        "예시의 토큰 수: 중앙값 {median}, 95번째 백분위 {p95}, 가장 긴 것 {longest}.",
    ),
    "inspect-ends": Sentence(
        "Answers: {learned} end with {eos}, which is learned; {cut} are cut before it; {absent} never end.",
        "답변: {learned}개는 배우는 {eos} 토큰으로 끝나고, {cut}개는 그 앞에서 잘렸고, "
        "{absent}개는 끝이 없습니다.",
    ),
    "inspect-first": Sentence(
        "The first examples; what is learned stands between « and ».",
        "처음 예시들. 배우는 부분은 «와 » 사이에 있습니다.",
    ),
    "inspect-first-colour": Sentence(
        "The first examples; what is learned is coloured, two shades tell tokens apart.",
        "처음 예시들. 배우는 부분에는 색이 있고, 두 가지 밝기로 토큰을 구별합니다.",
    ),
    "inspect-waits": Sentence(
        "{step}: its data exist once {waits_for} has trained. "
        "First: dajeong run {recipe} --until {waits_for}",
        "{step}: {waits_for} 단계가 학습을 마쳐야 데이터가 생깁니다. "
        "먼저: dajeong run {recipe} --until {waits_for}",
    ),
    "inspect-nothing": Sentence(
        "no step of this recipe learns from records.", "이 레시피에는 레코드로 배우는 단계가 없습니다."
    ),
    "inspect-written": Sentence("page: {path}", "페이지: {path}"),
    "inspect-never-stops": Sentence(
        "{count} of {of} examples have an answer that nothing learned ends: "
        "the model would never stop. {detail}",
        "예시 {of}개 가운데 {count}개는 답변의 끝을 배우지 않습니다. 모델이 멈추지 않게 됩니다. {detail}",
    ),
    "inspect-template-refuses": Sentence(
        "{count} of {of} examples do not fit the template. {detail}",
        "예시 {of}개 가운데 {count}개는 템플릿에 맞지 않습니다. {detail}",
    ),
    "inspect-double-bos": Sentence(
        "{count} of {of} examples begin with more than one BOS: template and tokenizer both write it.",
        "예시 {of}개 가운데 {count}개에 BOS가 둘 이상 있습니다. 템플릿과 토크나이저가 모두 씁니다.",
    ),
    "inspect-too-long": Sentence(
        "{count} of {of} examples are longer than max_tokens {max_tokens} and are cut; they teach no end.",
        "예시 {of}개 가운데 {count}개가 max_tokens {max_tokens}보다 길어 잘립니다. 끝을 가르치지 못합니다.",
    ),
    "inspect-nothing-learned": Sentence(
        "{count} of {of} examples hold no learned token and are left out.",
        "예시 {of}개 가운데 {count}개에는 배울 토큰이 없어 빠집니다.",
    ),
    "inspect-pad-is-eos": Sentence(
        "This tokenizer pads with its end token {detail}. Elsewhere that hides the end from the loss; here "
        "nothing is padded and the mask is explicit, so every end above is learned.",
        "이 토크나이저는 끝 토큰 {detail}을(를) 패딩에도 씁니다. 다른 도구에서는 끝이 손실에서 빠지지만, "
        "여기서는 패딩이 없고 학습 표시가 따로 있어 위의 끝을 모두 배웁니다.",
    ),
    "inspect-source": Sentence("source", "출처"),
    "inspect-examples": Sentence("examples", "예시"),
    "inspect-tokens": Sentence("tokens", "토큰"),
    "inspect-share": Sentence("learned", "배우는 비율"),
    "inspect-cut": Sentence("cut", "잘림"),
    "inspect-title": Sentence("What the model will learn from", "모델이 배울 내용"),
    "inspect-findings": Sentence("Findings", "알아둘 것"),
    # --- plan
    "help-plan": Sentence(
        "Memory, tokens, hours, money and disk of every step, before anything is spent.",
        "아무것도 쓰기 전에 단계마다 메모리, 토큰, 시간, 비용, 디스크를 미리 셈합니다.",
    ),
    "help-plan-gpu": Sentence(
        "The card: a size in GiB, a name such as a100-40 or h100, or cpu.",
        "카드: GiB 크기, a100-40이나 h100 같은 이름, 또는 cpu.",
    ),
    "help-plan-gpus": Sentence("How many of them share a step.", "한 단계를 나누어 맡는 카드 수."),
    "help-plan-parallel": Sentence(
        "How they share it: single, ddp, fsdp2, zero2, zero3; with several cards ddp.",
        "나누는 방식: single, ddp, fsdp2, zero2, zero3. 카드가 여럿이면 ddp.",
    ),
    "help-plan-data": Sentence(
        "First run the steps that make the data, where neither a model nor a service has a part in them.",
        "모델도 서비스도 쓰지 않는 데이터 단계를 먼저 실행합니다.",
    ),
    "plan-card-unknown": Sentence(
        "--gpu {card}: no such card here. Did you mean {nearest}? Known: {known}, cpu.",
        "--gpu {card}: 모르는 카드입니다. 혹시 {nearest}? 아는 카드: {known}, cpu.",
    ),
    "plan-parallel-unknown": Sentence(
        "--parallel {parallel}: expected one of {known}.",
        "--parallel {parallel}: {known} 가운데 하나여야 합니다.",
    ),
    "plan-base-unknown": Sentence(
        "{model}: neither a folder with a config.json, nor a base whose shape is known here, nor to be "
        "had from "
        "the Hub now.",
        "{model}: config.json이 있는 폴더도, 여기서 모양을 아는 기반 모델도 아니고, 지금 Hub에서 받을 "
        "수도 없습니다.",
    ),
    "plan-one": Sentence("one", "한 장의"),
    "plan-many": Sentence("{gpus} ({parallel}) of", "{gpus}장({parallel})의"),
    "plan-head": Sentence(
        "{recipe} on {cards} {card}: a step may hold {room} of its {gib} GiB. Predicted; nothing was "
        "measured on "
        "such a card.",
        "{recipe}, {cards} {card}: 한 단계가 {gib} GiB 가운데 {room} GiB까지 쓸 수 있습니다. 예측이며, "
        "그런 카드에서 "
        "잰 값이 아닙니다.",
    ),
    "plan-head-cpu": Sentence(
        "{recipe} on the processor, in float32. Predicted, not measured.",
        "{recipe}, 프로세서에서 float32로. 예측이며 잰 값이 아닙니다.",
    ),
    "plan-column-step": Sentence("step", "단계"),
    "plan-column-model": Sentence("base", "기반 모델"),
    "plan-column-weights": Sentence("weights", "가중치"),
    "plan-column-adapters": Sentence("adapters", "어댑터"),
    "plan-column-optimizer": Sentence("optimizer", "옵티마이저"),
    "plan-column-activations": Sentence("activations", "활성값"),
    "plan-column-logits": Sentence("logits", "로짓"),
    "plan-column-cache": Sentence("KV cache", "KV 캐시"),
    "plan-column-peak": Sentence("peak GiB", "최대 GiB"),
    "plan-column-fits": Sentence("fits", "들어감"),
    "plan-column-micro": Sentence("tokens a forward", "한 번에 읽는 토큰"),
    "plan-column-updates": Sentence("updates", "갱신"),
    "plan-column-tokens": Sentence("tokens", "토큰"),
    "plan-column-hours": Sentence("hours", "시간"),
    "plan-column-disk": Sentence("disk GiB", "디스크 GiB"),
    "plan-phase-update": Sentence("update", "갱신"),
    "plan-phase-scoring": Sentence("scoring", "채점"),
    "plan-phase-rollout": Sentence("sampling", "생성"),
    "plan-phase-reading": Sentence("reading", "읽기"),
    "plan-per-million": Sentence("{hours} per million tokens", "백만 토큰마다 {hours}"),
    "plan-unknown": Sentence("{step}: nothing can be said. {why}", "{step}: 말할 수 없습니다. {why}"),
    "plan-fix": Sentence(
        "{step} does not fit. It does with {settings} ({peak} GiB; by rule of thumb {slower} times as long).",
        "{step}: 들어가지 않습니다. {settings}이면 들어갑니다({peak} GiB, 걸리는 시간은 어림잡아 "
        "{slower}배).",
    ),
    "plan-no-fix": Sentence(
        "{step} does not fit, and no setting of the step is enough. Take a larger card, several with "
        "--gpus and "
        "--parallel fsdp2 or zero3, or a smaller base.",
        "{step}: 들어가지 않고, 단계의 설정만으로는 모자랍니다. 더 큰 카드나 --gpus와 --parallel fsdp2 "
        "또는 zero3로 "
        "여러 장을, 아니면 더 작은 기반 모델을 쓰세요.",
    ),
    "plan-missing": Sentence("Files that are not there: {files}.", "없는 파일: {files}."),
    "plan-from-settings": Sentence(
        "From settings alone, since the data are not there: {steps}. Examples are taken to be as long "
        "as allowed, "
        "prompts 256 tokens; with the data, --data counts them.",
        "데이터가 없어 설정만으로 셈한 단계: {steps}. 예시는 허용된 최대 길이, 프롬프트는 256토큰으로 "
        "봅니다. 데이터가 "
        "있으면 --data로 셉니다.",
    ),
    "plan-download": Sentence(
        "Weights to download once: {gib} GiB on the disk.", "한 번 내려받을 가중치: 디스크 {gib} GiB."
    ),
    "plan-hours": Sentence(
        "Hours: operations over the rate that the maker of the {card} states, of which {low} to {high} "
        "are taken to "
        "be reached.",
        "시간: 연산 수를 {card} 제조사가 밝힌 속도로 나눈 값이며, 그 속도의 {low}~{high}에 이른다고 봅니다.",
    ),
    "plan-hours-measured": Sentence(
        "Hours: operations over the rate of large products measured on an {card}, of which {low} to "
        "{high} are taken "
        "to be reached; no run was measured.",
        "시간: 연산 수를 {card}에서 잰 큰 행렬곱의 속도로 나눈 값이며, 그 속도의 {low}~{high}에 "
        "이른다고 봅니다. 실제 "
        "실행을 잰 것은 아닙니다.",
    ),
    # --- doctor of the machine
    "help-doctor": Sentence(
        "Show what this machine has and what each recipe lacks on it.",
        "이 컴퓨터에 있는 것과 레시피마다 없는 것을 보여 줍니다.",
    ),
    "help-doctor-out": Sentence("Where runs will be kept.", "실행 폴더를 둘 곳."),
    "machine-version": Sentence("{value}", "{value}"),
    "machine-device": Sentence("device: {value}", "장치: {value}"),
    "machine-cores": Sentence("processor cores: {value}", "프로세서 코어: {value}"),
    "machine-memory": Sentence("memory: {value}", "메모리: {value}"),
    "machine-disk": Sentence("free disk: {value}", "빈 디스크: {value}"),
    "machine-locale": Sentence("language and output: {value}", "언어와 출력: {value}"),
    "machine-online": Sentence("Hub models are kept in {value}", "Hub 모델을 두는 곳: {value}"),
    "machine-offline": Sentence(
        "offline (HF_HUB_OFFLINE); Hub models come from {value} alone",
        "오프라인(HF_HUB_OFFLINE). Hub 모델은 {value}에서만 읽음",
    ),
    "machine-extra": Sentence("extra {value}", "추가 기능 {value}"),
    "ready-file": Sentence("the file {file}", "파일 {file}"),
    "ready-file-missing": Sentence(
        "{file} is not here: docs/recipes.md says what it is; --set data_dir=DIR names where it lies",
        "{file} 없음: 무엇인지는 docs/recipes.md에, 다른 곳에 있으면 --set data_dir=DIR",
    ),
    "ready-weights": Sentence("the weights of {model}", "{model}의 가중치"),
    "ready-card": Sentence("a graphics card", "그래픽 카드"),
    "ready-disk": Sentence("{gib} GiB of disk for weights", "가중치를 둘 디스크 {gib} GiB"),
    "ready-disk-short": Sentence(
        "{gib} GiB of disk for weights; {free} GiB are free: make room, or name another disk with HF_HOME",
        "가중치에 디스크 {gib} GiB가 필요한데 {free} GiB만 비었습니다. 자리를 내거나 HF_HOME으로 다른 "
        "디스크를 쓰세요",
    ),
    "ready-extra": Sentence("the extra {extra}", "추가 기능 {extra}"),
    "ready-key": Sentence("the key {name}", "키 {name}"),
    "machine-recipe-ready": Sentence("{recipe}: ready ({model})", "{recipe}: 준비됨 ({model})"),
    "machine-recipe-lacks": Sentence("{recipe} lacks:", "{recipe}에 없는 것:"),
    "help-schema": Sentence("Print the JSON Schema of recipes.", "레시피의 JSON Schema를 출력합니다."),
    "command-unknown": Sentence(
        "no command {command}. Did you mean {nearest}? All commands: dajeong --help",
        "{command} 명령이 없습니다. 혹시 {nearest}? 모든 명령: dajeong --help",
    ),
    "option-unknown": Sentence(
        "no option {option}. Did you mean {nearest}?",
        "{option} 옵션이 없습니다. 혹시 {nearest}?",
    ),
    "usage": Sentence("{problem} See dajeong --help.", "{problem} 도움말: dajeong --help"),
    "language-unknown": Sentence(
        "--lang {language}: expected one of {known}.",
        "--lang {language}: 다음 중 하나여야 합니다: {known}.",
    ),
    "memory-out": Sentence(
        "Out of memory. Lower tokens_per_micro_batch or max_slots and run the same command again; "
        "what was finished is kept.",
        "메모리가 부족합니다. tokens_per_micro_batch나 max_slots를 줄이고 같은 명령을 다시 실행하세요. "
        "끝난 작업은 그대로 있습니다.",
    ),
    "unexpected": Sentence(
        "unexpected {kind}: {problem}. This is a bug of dajeong; repeat with --debug to see where.",
        "예상하지 못한 {kind}: {problem}. dajeong의 버그입니다. --debug를 붙여 다시 실행하면 위치가 "
        "보입니다.",
    ),
    "unexpected-kept": Sentence(
        "unexpected {kind}: {problem}. This is a bug of dajeong; the traceback is in {path}.",
        "예상하지 못한 {kind}: {problem}. dajeong의 버그입니다. 추적 내용은 {path}에 있습니다.",
    ),
    "run-finished": Sentence(
        "Finished. Report: {run}/report.html · results: {run}/results.json",
        "끝났습니다. 보고서: {run}/report.html · 결과: {run}/results.json",
    ),
    "run-talk": Sentence("To talk to the model: dajeong chat {run}", "모델과 대화하려면: dajeong chat {run}"),
    "column-model": Sentence("model", "모델"),
    "column-decoding": Sentence("decoding", "생성 방식"),
    "column-task": Sentence("task", "과제"),
    "column-metric": Sentence("metric", "지표"),
    "column-value": Sentence("value", "값"),
    "column-interval": Sentence("95 % interval", "95 % 구간"),
    "column-n": Sentence("n", "n"),
    "column-missing": Sentence("missing", "빠짐"),
    "column-step": Sentence("step", "단계"),
    "column-kind": Sentence("kind", "종류"),
    "column-inputs": Sentence("inputs", "입력"),
    "column-outputs": Sentence("outputs", "출력"),
    "column-state": Sentence("state", "상태"),
    "state-done": Sentence("done", "끝남"),
    "state-run": Sentence("run", "실행"),
    "state-resume": Sentence("resume", "이어서"),
    "state-wait": Sentence("maybe", "보류"),
    # --- data commands
    "help-judge": Sentence(
        "Let a model grade replies, or compare them in pairs; --against: its scores beside people's.",
        "답변을 모델로 채점하거나 둘씩 견줍니다. --against를 쓰면 점수를 사람의 점수와 나란히 봅니다.",
    ),
    "help-judge-file": Sentence(
        "Replies, as `replies` and `respond` write them. With --against and no judge: scores, as a table "
        "with a column a criterion, or scores.jsonl of a judging step.",
        "`replies`와 `respond` 단계가 쓴 답변. 채점 모델 없이 --against를 쓰면 점수: 기준마다 한 열이 있는 "
        "표, 또는 채점 단계의 scores.jsonl.",
    ),
    "help-judge-against": Sentence(
        "Scores of people, or of another judge, for the same answers; with several raters also a ceiling.",
        "같은 답변에 대한 사람이나 다른 채점 모델의 점수. 평가자가 여럿이면 상한도 나옵니다.",
    ),
    "help-judge-replies": Sentence(
        "The replies, where scores only name them by id; repeatable.",
        "점수에 답변의 id만 있을 때 그 답변. 여러 번 쓸 수 있습니다.",
    ),
    "help-grade-prompts": Sentence(
        "What the models named are asked, in any form that can be read; without it, files are named.",
        "이름 붙인 모델에게 물을 프롬프트. 읽을 수 있는 어떤 형식이든 됩니다. 없으면 파일을 씁니다.",
    ),
    "help-winrate-reference": Sentence(
        "The author all others are compared with; without it, each with the one before.",
        "모든 작성자를 이 작성자와 견줍니다. 없으면 바로 앞의 작성자와 견줍니다.",
    ),
    "help-winrate-method": Sentence(
        "exact (default, local) or greedy (a service).", "exact(기본값, 로컬) 또는 greedy(서비스)."
    ),
    "help-eval-winrate": Sentence(
        "How often one model's replies beat another's; every pair in both orders.",
        "한 모델의 답변이 다른 모델의 답변을 얼마나 자주 이기는지. 모든 쌍을 두 순서로 보입니다.",
    ),
    "help-eval-winrate-file": Sentence(
        "Models that answer --prompts; without it, files of replies of several authors.",
        "--prompts에 답할 모델. 없으면 여러 작성자의 답변 파일.",
    ),
    "judge-pairs-against": Sentence(
        "--pairs gives wins and no scores: leave out --pairs or --against.",
        "--pairs는 점수가 아니라 승패를 냅니다. --pairs나 --against 가운데 하나를 빼세요.",
    ),
    "eval-report": Sentence("Report: {path}", "보고서: {path}"),
    "eval-no-prompts": Sentence(
        "{path}: read as {source}, it holds no prompt. Name another file, or its form: --source.",
        "{path}: {source}(으)로 읽었지만 프롬프트가 없습니다. 다른 파일을 쓰거나 --source로 형식을 알리세요.",
    ),
    "help-grade-judge": Sentence(
        "A local model that judges (method exact).", "채점할 로컬 모델(exact 방식)."
    ),
    "help-grade-model": Sentence(
        "A service's model that judges, as the service calls it.", "채점할 서비스의 모델 이름."
    ),
    "help-grade-method": Sentence(
        "exact (default, local), top_logprobs, sample or greedy.",
        "exact(기본값, 로컬), top_logprobs, sample, greedy.",
    ),
    "help-grade-rubric": Sentence(
        "vaiv (default), kullm, kullm3 or korean.", "vaiv(기본값), kullm, kullm3, korean."
    ),
    "help-grade-pairs": Sentence(
        "Compare authors instead: two replies at a time, in both orders.",
        "채점 대신 작성자를 견줍니다. 답변 둘을 두 순서로 보입니다.",
    ),
    "help-eval": Sentence(
        "Measure a model; every figure with its n and interval.",
        "모델을 잽니다. 모든 수치에 표본 수와 구간이 따릅니다.",
    ),
    "help-eval-refusal": Sentence(
        "What a model refuses: harmless prompts that sound bad, beside harmful ones like them.",
        "모델이 무엇을 거절하는지 잽니다. 나쁘게 들리지만 무해한 말과, 그와 닮은 해로운 부탁을 견줍니다.",
    ),
    "help-eval-refusal-twins": Sentence(
        "Only the first this many twins of each type.", "유형마다 처음 몇 쌍만 묻습니다."
    ),
    "help-eval-kobest": Sentence(
        "KoBEST's five tasks, scored as lm-eval does.", "KoBEST 다섯 과제를 lm-eval과 똑같이 채점합니다."
    ),
    "help-eval-reward": Sentence(
        "A reward model on preference pairs, beside judges that read no prompt; or these judges alone.",
        "보상 모델을 선호 쌍으로 재고, 프롬프트를 읽지 않는 판정과 나란히 놓습니다. 모델 없이도 됩니다.",
    ),
    "help-eval-reward-model": Sentence(
        "The folder of a reward model; without one only the baselines are measured.",
        "보상 모델 폴더. 없으면 기준선만 잽니다.",
    ),
    "help-eval-reward-data": Sentence(
        "Test pairs, in any form that can be read; repeatable.",
        "시험 쌍. 읽을 수 있는 어떤 형식이든 됩니다. 여러 번 쓸 수 있습니다.",
    ),
    "help-eval-reward-train": Sentence(
        "Training pairs, from which the baselines may learn; repeatable.",
        "기준선이 배울 학습 쌍. 여러 번 쓸 수 있습니다.",
    ),
    "help-eval-quality": Sentence(
        "How good replies are to a judge: averages, relative to a reference, paired differences.",
        "채점된 답변이 얼마나 좋은지: 평균, 기준 모델에 대한 비율, 짝지은 차이.",
    ),
    "help-eval-quality-file": Sentence(
        "Models that answer --prompts; or, with a judge, files of replies; or judged answers, as tables with "
        "prompt, answer and a column a criterion, named by MODEL/KIND=.",
        "--prompts에 답할 모델. 채점 모델을 쓰면 답변 파일. 아니면 채점된 답변: 프롬프트, 답변, 기준마다 "
        "한 열이 있는 표이며, 앞에 MODEL/KIND=로 이름을 붙입니다.",
    ),
    "help-eval-quality-reference": Sentence(
        "The model the others are compared with; the first one named is.",
        "다른 모델과 견줄 기준 모델. 없으면 맨 앞의 것.",
    ),
    "help-eval-quality-scale": Sentence(
        "Scale of the columns whose name does not tell, as `naturalness (1 - 3)` does.",
        "`자연스러움 (1 - 3)`처럼 열 이름에 척도가 없을 때의 척도.",
    ),
    "help-eval-quality-as-given": Sentence(
        "Count numbers outside the scale as they stand; without it they are missing.",
        "척도를 벗어난 수도 그대로 셉니다. 없으면 빠진 점수로 봅니다.",
    ),
    "help-eval-model": Sentence(
        "A run folder, a model folder or a Hub id; several are compared.",
        "실행 폴더, 모델 폴더, Hub id. 여럿이면 서로 견줍니다.",
    ),
    "help-eval-kobest-data": Sentence(
        "Folder of KoBEST's tables as published, or one table.",
        "배포된 그대로의 KoBEST 표가 있는 폴더, 또는 표 하나.",
    ),
    "help-eval-profile": Sentence(
        "lm-eval-0.4 (default) or polyglot-2022.", "lm-eval-0.4(기본값) 또는 polyglot-2022."
    ),
    "help-eval-shots": Sentence(
        "Solved examples before each question; repeatable.",
        "문제마다 앞에 보일 풀이 예시의 수. 여러 번 쓸 수 있습니다.",
    ),
    "help-eval-out": Sentence(
        "Keep results, scores and report.html here; an interrupted call goes on from there.",
        "결과와 점수, report.html을 여기에 남깁니다. 끊긴 호출은 여기서 이어집니다.",
    ),
    "help-data": Sentence(
        "Read, count and examine data before anything is trained on it.",
        "학습하기 전에 데이터를 읽고 세고 진단합니다.",
    ),
    "help-data-read": Sentence(
        "Turn a raw corpus into records; what is refused is kept with its reason.",
        "원자료를 레코드로 바꿉니다. 받아들이지 않은 것은 이유와 함께 남깁니다.",
    ),
    "help-data-stats": Sentence(
        "How much, of what kind, how long, in which register.",
        "얼마나 있고, 어떤 종류이며, 얼마나 길고, 어떤 말투인지 셉니다.",
    ),
    "help-data-doctor": Sentence(
        "Find what spoils training: leaks, empty sides, artefacts, residue. Exits 3 on what forbids it.",
        "학습을 망치는 것을 찾습니다: 평가 데이터, 빈 답변, 겉모습만으로 드러나는 정답, 찌꺼기. 쓸 수 "
        "없으면 3으로 끝납니다.",
    ),
    "help-data-source": Sentence(
        "The format and origin: alpaca, kullm, nikl, preference…",
        "형식과 출처: alpaca, kullm, nikl, preference 등.",
    ),
    "help-data-source-guessed": Sentence(
        "The format and origin; guessed from the first rows by default.",
        "형식과 출처. 적지 않으면 첫 행들로 짐작합니다.",
    ),
    "help-data-paths": Sentence(
        "Files, folders or zips as downloaded.",
        "내려받은 그대로의 파일, 폴더, zip.",
    ),
    "help-data-out": Sentence(
        "The records; rejects and figures go into a folder beside it.",
        "레코드를 쓸 파일. 거절된 것과 통계는 옆 폴더에 씁니다.",
    ),
    "help-data-kind": Sentence(
        "Name the kind of every record: talk, abusive, general…",
        "모든 레코드의 종류를 정합니다: talk, abusive, general 등.",
    ),
    "help-data-licence": Sentence(
        "Name the licence of every record.",
        "모든 레코드의 이용 조건을 적습니다.",
    ),
    "help-data-max": Sentence(
        "Keep at most so many, drawn evenly.",
        "고르게 뽑아 이만큼만 남깁니다.",
    ),
    "help-data-set": Sentence(
        "Set any setting of the step, as in a recipe; repeatable.",
        "레시피에서처럼 이 단계의 설정을 바꿉니다. 여러 번 쓸 수 있습니다.",
    ),
    "help-data-html": Sentence(
        "Also write a page with plots.",
        "그림이 있는 페이지도 씁니다.",
    ),
    "help-data-allow": Sentence(
        "Let a blocking finding pass, by its code; repeatable.",
        "막는 소견을 코드로 적어 허용합니다. 여러 번 쓸 수 있습니다.",
    ),
    "data-written": Sentence(
        "Records: {out}. Rejects and figures: {beside}/",
        "레코드: {out}. 거절된 것과 통계: {beside}/",
    ),
    "data-read-as": Sentence(
        "{files}: read as {source}; {records} records from {rows} rows, {rejected} rows unreadable.",
        "{files}: {source}(으)로 읽음. 행 {rows}개에서 레코드 {records}개, 읽지 못한 행 {rejected}개.",
    ),
    "data-licences": Sentence(
        "licences: {counts}",
        "이용 조건: {counts}",
    ),
    "data-rejects": Sentence(
        "unreadable: {counts}",
        "읽지 못함: {counts}",
    ),
    "data-left-out": Sentence(
        "left out by a rule of the source: {counts}",
        "출처의 규칙으로 뺌: {counts}",
    ),
    "data-nothing-found": Sentence(
        "Nothing found.",
        "찾은 문제가 없습니다.",
    ),
    "data-allowed": Sentence(
        "allowed",
        "허용됨",
    ),
    "severity-blocking": Sentence(
        "BLOCKING",
        "막음",
    ),
    "severity-warning": Sentence(
        "warning",
        "경고",
    ),
    "severity-note": Sentence(
        "note",
        "알림",
    ),
    "column-records": Sentence(
        "records",
        "레코드",
    ),
    "column-prompt-median": Sentence(
        "prompt 50 %",
        "질문 50 %",
    ),
    "column-prompt-p95": Sentence(
        "95 %",
        "95 %",
    ),
    "column-answer-median": Sentence(
        "answer 50 %",
        "답변 50 %",
    ),
    "column-answer-p95": Sentence(
        "95 %",
        "95 %",
    ),
    "column-polite": Sentence(
        "polite",
        "존댓말",
    ),
    "column-judge": Sentence(
        "judge",
        "판정",
    ),
    # --- data doctor
    "doctor-empty-side": Sentence(
        "{count} of {of} records have an empty side: nothing can be preferred to it, and a reward model "
        "learns the length 0. Drop them, or find out where the answers were lost.",
        "레코드 {of}개 가운데 {count}개에서 한쪽 답변이 비어 있습니다. 견줄 것이 없고, 보상 모델은 길이 "
        "0을 배우게 됩니다. 빼거나, 답변이 어디서 사라졌는지 확인하세요.",
    ),
    "doctor-empty-answer": Sentence(
        "{count} of {of} records have an empty answer.",
        "레코드 {of}개 가운데 {count}개의 답변이 비어 있습니다.",
    ),
    "doctor-empty-prompt": Sentence(
        "{count} of {of} records have an empty question.",
        "레코드 {of}개 가운데 {count}개의 질문이 비어 있습니다.",
    ),
    "doctor-same-answers": Sentence(
        "{count} of {of} preferences prefer an answer to itself: better and worse hold the same words.",
        "선호 레코드 {of}개 가운데 {count}개에서 나은 답변과 못한 답변이 같은 글입니다.",
    ),
    "doctor-answer-is-prompt": Sentence(
        "{count} of {of} answers repeat their question word for word.",
        "레코드 {of}개 가운데 {count}개의 답변이 질문을 그대로 되풀이합니다.",
    ),
    "doctor-tie": Sentence(
        "{count} of {of} records are ties: they give no pair to learn from.",
        "레코드 {of}개 가운데 {count}개가 동점이라 배울 쌍이 없습니다.",
    ),
    "doctor-end-marker": Sentence(
        "{count} of {of} records spell out an end token such as <|endoftext|>. `read` takes it off the end "
        "of answers; anywhere else it stays text.",
        "레코드 {of}개 가운데 {count}개에 <|endoftext|> 같은 끝 표시가 글자로 적혀 있습니다. 읽기(read) "
        "단계는 답변 끝에 있는 것만 떼며, 다른 곳에 있는 것은 글로 남습니다.",
    ),
    "doctor-template-marker": Sentence(
        "{count} of {of} records hold the marks of a template (### Response:, <|im_start|>, [INST]…): the "
        "template is put around them a second time.",
        "레코드 {of}개 가운데 {count}개에 템플릿 표시(### 응답:, <|im_start|>, [INST] 등)가 들어 있습니다. "
        "템플릿이 두 번 씌워집니다.",
    ),
    "doctor-placeholder": Sentence(
        "{count} of {of} records hold placeholders such as name1 or company-name1; a model learns to say "
        "them.",
        "레코드 {of}개 가운데 {count}개에 name1, company-name1 같은 가림 표시가 남아 있습니다. 모델이 "
        "이것을 말하게 됩니다.",
    ),
    "doctor-mask": Sentence(
        "{count} of {of} records hold masks of the form #@…#.",
        "레코드 {of}개 가운데 {count}개에 #@…# 꼴의 가림 표시가 남아 있습니다.",
    ),
    "doctor-mojibake": Sentence(
        "{count} of {of} records look like Hangul read in the wrong encoding; cleaning repairs what it can.",
        "레코드 {of}개 가운데 {count}개가 잘못된 인코딩으로 읽힌 한글로 보입니다. 정제(clean)하면 고칠 수 "
        "있는 것은 고칩니다.",
    ),
    "doctor-replacement-character": Sentence(
        "{count} of {of} records hold U+FFFD, where a character was lost.",
        "레코드 {of}개 가운데 {count}개에 글자가 사라진 자리(U+FFFD)가 있습니다.",
    ),
    "doctor-decomposed": Sentence(
        "{count} of {of} records hold decomposed Hangul (NFD); reading composes it.",
        "레코드 {of}개 가운데 {count}개에 풀어 쓴 한글(NFD)이 있습니다. 읽을 때 모아 씁니다.",
    ),
    "doctor-invisible": Sentence(
        "{count} of {of} records hold characters that cannot be seen (zero-width, directional, control).",
        "레코드 {of}개 가운데 {count}개에 보이지 않는 문자(폭 없는 문자, 방향 문자, 제어 문자)가 있습니다.",
    ),
    "doctor-no-licence": Sentence(
        "{count} of {of} records state no licence. Name it when reading: --licence.",
        "레코드 {of}개 가운데 {count}개에 이용 조건이 적혀 있지 않습니다. 읽을 때 --licence로 적으세요.",
    ),
    "doctor-restricted-licence": Sentence(
        "{count} of {of} records may, as far as is known, not be passed on; exporting them needs "
        "--allow-licence.",
        "레코드 {of}개 가운데 {count}개는 알려진 바로는 다시 나누어 줄 수 없습니다. 내보내려면 "
        "--allow-licence가 필요합니다.",
    ),
    "doctor-repeated-id": Sentence(
        "{count} of {of} records have the id of another record with other words.",
        "레코드 {of}개 가운데 {count}개의 id가 내용이 다른 레코드의 id와 같습니다.",
    ),
    "doctor-repeated-record": Sentence(
        "{count} of {of} records repeat an earlier one, but for spaces, punctuation and case.",
        "레코드 {of}개 가운데 {count}개가 앞의 레코드와 같습니다(공백, 문장 부호, 대소문자는 보지 않음).",
    ),
    "doctor-repeated-prompt": Sentence(
        "{count} of {of} records ask what an earlier one asked, and answer otherwise.",
        "레코드 {of}개 가운데 {count}개의 질문이 앞의 레코드와 같고 답변은 다릅니다.",
    ),
    "doctor-swapped-pair": Sentence(
        "{count} of {of} preferences say the opposite of an earlier one about the same two answers.",
        "선호 레코드 {of}개 가운데 {count}개가 같은 두 답변을 앞과 반대로 평가합니다.",
    ),
    "doctor-nothing-read": Sentence(
        "no record could be read from {of} rows.",
        "행 {of}개에서 레코드를 하나도 읽지 못했습니다.",
    ),
    "doctor-unreadable": Sentence(
        "{count} of {of} rows cannot be read.",
        "행 {of}개 가운데 {count}개를 읽을 수 없습니다.",
    ),
    "doctor-evaluation-set": Sentence(
        "this is an evaluation set ({set}; {count} of {of} records). A model that learned it cannot be "
        "measured with it any more. Train on something else.",
        "이 파일은 평가 데이터입니다({set}, 레코드 {of}개 가운데 {count}개). 이것을 배운 모델은 더 이상 "
        "이것으로 잴 수 없습니다. 다른 데이터로 학습하세요.",
    ),
    "doctor-evaluation-leak": Sentence(
        "{count} of {of} records hold a piece of an evaluation set ({set}); cleaning drops them.",
        "레코드 {of}개 가운데 {count}개에 평가 데이터({set})의 글이 들어 있습니다. 정제(clean)하면 빠집니다.",
    ),
    "doctor-personal-data": Sentence(
        "{count} of {of} records hold what looks like personal data ({kinds}); cleaning can mask it.",
        "레코드 {of}개 가운데 {count}개에 개인정보로 보이는 것({kinds})이 있습니다. 정제(clean)할 때 가릴 "
        "수 있습니다.",
    ),
    "doctor-mixed-register": Sentence(
        "answers mix polite and casual speech: {share} of {of} are polite. A model will do the same.",
        "답변에 존댓말과 반말이 섞여 있습니다. {of}개 가운데 {share}가 존댓말입니다. 모델도 그렇게 말하게 "
        "됩니다.",
    ),
    "doctor-register-tells-kind": Sentence(
        "the register gives the kind away: {most} of the answers of kind {high} are polite, {least} of "
        "{low}.",
        "말투만으로 종류를 알 수 있습니다. 존댓말이 {high}에서는 {most}, {low}에서는 {least}입니다.",
    ),
    "doctor-length-tells": Sentence(
        "length alone finds the better answer: {judge} is right in {value} [{low}, {high}] of {of} pairs "
        "(kind {kind}). An accuracy near that proves nothing; balance lengths before training.",
        "길이만으로 나은 답변을 맞힐 수 있습니다. 쌍 {of}개(종류 {kind})에서 {judge}의 정확도가 {value} "
        "[{low}, {high}]입니다. 이 언저리의 정확도는 아무것도 보여 주지 못합니다. 학습하기 전에 길이를 "
        "맞추세요.",
    ),
    "doctor-author-tells": Sentence(
        "who wrote it finds the better answer: {judge} is right in {value} [{low}, {high}] of {of} pairs "
        "(kind {kind}). A reward model may learn to tell authors apart, and nothing else.",
        "누가 썼는지만으로 나은 답변을 맞힐 수 있습니다. 쌍 {of}개(종류 {kind})에서 {judge}의 정확도가 "
        "{value} [{low}, {high}]입니다. 보상 모델이 글쓴이만 가려내게 될 수 있습니다.",
    ),
    "doctor-wording-tells": Sentence(
        "a classifier that never sees the prompt finds the better answer: {judge}, cross-validated, is "
        "right in {value} [{low}, {high}] of {of} pairs (kind {kind}). A reward model must clearly beat "
        "that.",
        "프롬프트를 보지 않는 분류기도 나은 답변을 맞힙니다. 쌍 {of}개(종류 {kind})에서 {judge}의 교차 "
        "검증 정확도가 {value} [{low}, {high}]입니다. 보상 모델은 이보다 뚜렷이 나아야 합니다.",
    ),
    "doctor-position-tells": Sentence(
        "the place tells: the answer shown first is preferred in {value} [{low}, {high}] of {of} pairs "
        "({judge}, kind {kind}). Show both orders, or draw the order.",
        "자리가 결과를 가릅니다. 쌍 {of}개에서 먼저 보여 준 답변이 {value} [{low}, {high}]의 비율로 "
        "뽑혔습니다({judge}, 종류 {kind}). 두 순서로 모두 보여 주거나 순서를 무작위로 정하세요.",
    ),
    "doctor-blocked": Sentence(
        "{files}: not fit to learn from: {codes}. If you know better, name what you allow: {way}.",
        "{files}: 학습에 쓸 수 없습니다: {codes}. 그래도 쓰려면 허용할 것을 이름으로 적으세요: {way}.",
    ),
    "doctor-code-unknown": Sentence(
        "--allow {name}: no finding is called that. Did you mean {nearest}? Blocking findings: {known}.",
        "--allow {name}: 그런 소견은 없습니다. {nearest}을(를) 뜻했나요? 막는 소견: {known}.",
    ),
    "source-unclear": Sentence(
        "{path}: no source reads these rows (columns: {columns}). Name one with --source: {known}. With "
        "other column names, rename the columns first.",
        "{path}: 이 행들을 읽을 수 있는 출처를 찾지 못했습니다(열: {columns}). --source로 적으세요: "
        "{known}. 열 이름이 다르면 먼저 바꾸세요.",
    ),
    "mix-done": Sentence(
        "{step}: {records} records ({parts}); held out: {held_out}, test: {test}.",
        "{step}: 레코드 {records}개({parts}). 떼어 둔 것: {held_out}개, 시험용: {test}개.",
    ),
    "mix-part-empty": Sentence(
        "{path}: no record of this part can be mixed in. Check the step before it, and `kinds`.",
        "{path}: 섞을 레코드가 없습니다. 앞 단계와 `kinds`를 확인하세요.",
    ),
    "mix-kinds": Sentence(
        "{path}: holds {found} records, the parts before it {expected}. Mix them in two steps.",
        "{path}: {found} 레코드인데 앞 부분은 {expected}입니다. 두 단계로 나누어 섞으세요.",
    ),
    "mix-nothing-left": Sentence(
        "held_out ({held_out}) and test ({test}) take all {records} records. Lower them.",
        "held_out({held_out}개)과 test({test}개)가 레코드 {records}개를 모두 가져갑니다. 줄이세요.",
    ),
    # --- exporting
    "help-data-clean": Sentence(
        "Clean records: what is dropped is kept beside them with its reason.",
        "레코드를 거릅니다. 버린 것은 이유와 함께 옆에 남깁니다.",
    ),
    "help-data-export": Sentence(
        "Write records in a shape that other trainers read, where their licences allow it.",
        "라이선스가 허락하는 레코드를 다른 학습 도구가 읽는 형식으로 씁니다.",
    ),
    "help-data-records": Sentence(
        "Files of records, as data read and the steps of a run write them.",
        "data read나 실행 단계가 쓴 레코드 파일.",
    ),
    "help-data-against": Sentence(
        "Records whose questions must not come up again, such as a test set; repeatable.",
        "시험 세트처럼 질문이 다시 나오면 안 되는 레코드. 여러 번 쓸 수 있습니다.",
    ),
    "help-export-as": Sentence(
        "alpaca, messages, trl or sharegpt.", "alpaca, messages, trl, sharegpt 중 하나."
    ),
    "help-export-out": Sentence(
        "The file; its suffix says the format: .jsonl, .json, .parquet, .csv.",
        "쓸 파일. 확장자가 형식을 정합니다: .jsonl, .json, .parquet, .csv.",
    ),
    "help-export-allow": Sentence(
        "Pass on records under this licence too, because you have the right; repeatable.",
        "이 라이선스의 레코드도 권리가 있어 내보냅니다. 여러 번 쓸 수 있습니다.",
    ),
    "clean-raw": Sentence(
        "{path}: these are not records yet; they look like {source}. First: dajeong data read {source} "
        "{path} --out FILE.jsonl.",
        "{path}: 아직 레코드가 아닙니다. {source}(으)로 보입니다. 먼저: dajeong data read {source} {path} "
        "--out FILE.jsonl.",
    ),
    "export-done": Sentence(
        "{path}: {rows} rows ({shape}). Left out: {left_out}.",
        "{path}: {rows}행({shape}). 제외: {left_out}.",
    ),
    "export-shape": Sentence(
        "--as {shape}: not known. Known: {known}.", "--as {shape}: 모르는 형식입니다. 가능: {known}."
    ),
    "export-suffix": Sentence(
        "{path}: the suffix says the format. Known: {known}.",
        "{path}: 확장자가 파일 형식을 정합니다. 가능: {known}.",
    ),
    "export-table": Sentence(
        "a table has no room for conversations (--as {shape}). As .csv: {known}.",
        "표에는 대화를 담을 수 없습니다(--as {shape}). .csv로 가능한 형식: {known}.",
    ),
    "export-licences": Sentence(
        "{count} records may not be passed on under their licence: {licences}. Nothing was written. Where "
        'you have the right: --allow-licence "{example}", once for each.',
        "레코드 {count}개는 라이선스 때문에 내보낼 수 없습니다: {licences}. 아무것도 쓰지 않았습니다. 권리가 "
        '있다면 라이선스마다 --allow-licence "{example}"처럼 적으세요.',
    ),
    "export-nothing": Sentence(
        "no record fits the shape {shape} ({left_out}). Choose another.",
        "{shape} 형식에 맞는 레코드가 없습니다({left_out}). 다른 형식을 고르세요.",
    ),
    "export-unreadable": Sentence(
        "{count} rows of the file cannot be read as {source}, first {place}. Nothing was written. See which: "
        "dajeong data doctor FILE; or read it first in a recipe.",
        "파일에서 {count}행을 {source}(으)로 읽을 수 없습니다(첫째: {place}). 아무것도 쓰지 않았습니다. "
        "dajeong data doctor FILE로 확인하거나 레시피에서 먼저 읽으세요.",
    ),
    # --- exporting models
    "help-export": Sentence(
        "Hand a model on: as an adapter, merged, as GGUF, for Ollama; with its card, to the Hub if asked.",
        "모델을 내보냅니다. 어댑터, 합친 모델, GGUF, Ollama용으로 모델 카드와 함께 쓰고, 원하면 "
        "Hub에 올립니다.",
    ),
    "help-export-folder": Sentence("The folder to write.", "쓸 폴더."),
    "help-export-adapter": Sentence(
        "The adapter in PEFT's files; a base of this machine is copied beside it.",
        "PEFT 형식의 어댑터. 이 컴퓨터에만 있는 기반 모델은 옆에 복사합니다.",
    ),
    "help-export-merged": Sentence(
        "One model for transformers, adapter and base added in float32.",
        "어댑터와 기반 모델을 float32로 합친 transformers용 모델.",
    ),
    "help-export-gguf": Sentence(
        "One GGUF file for llama.cpp (extra gguf).", "llama.cpp용 GGUF 파일 하나(추가 기능 gguf)."
    ),
    "help-export-ollama": Sentence(
        "A GGUF file and the Modelfile for Ollama.", "GGUF 파일과 Ollama의 Modelfile."
    ),
    "help-export-dtype": Sentence(
        "Numbers of the weights; the base's own by default. q8_0 for GGUF only.",
        "가중치의 수 형식. 기본값은 기반 모델의 형식. q8_0은 GGUF에만 쓸 수 있습니다.",
    ),
    "help-export-shard": Sentence("Largest weight file.", "가중치 파일 하나의 최대 크기."),
    "help-export-base": Sentence(
        "Where others find the adapter's base; it is then not copied.",
        "다른 사람이 기반 모델을 찾을 곳. 주면 복사하지 않습니다.",
    ),
    "help-export-model-allow": Sentence(
        "Hand it on although it learned from texts under this licence, because you have the "
        "right; repeatable. none: what states no licence.",
        "이 라이선스의 글로 배웠어도 권리가 있어 내보냅니다. 여러 번 쓸 수 있습니다. none은 "
        "라이선스가 적히지 않은 것.",
    ),
    "help-export-force": Sentence("Replace the folder if it is there.", "폴더가 이미 있으면 바꿉니다."),
    "help-export-push": Sentence(
        "Upload it to this repository of the Hub, if nothing private is found in it.",
        "Hub의 이 저장소에 올립니다. 올리기 전에 키, 개인정보, 경로가 없는지 살핍니다.",
    ),
    "help-export-private": Sentence("A new repository is private.", "새 저장소를 비공개로 만듭니다."),
    "export-form": Sentence("Choose one form: {known}.", "형식을 하나 고르세요: {known}."),
    "export-dtype": Sentence(
        "--dtype {dtype}: not for this form. Possible: {known}.",
        "--dtype {dtype}: 이 형식에는 쓸 수 없습니다. 가능: {known}.",
    ),
    "export-exists": Sentence(
        "{path}: there already. Choose another folder, or replace it with --force.",
        "{path}: 이미 있습니다. 다른 폴더를 고르거나 --force로 바꾸세요.",
    ),
    "export-reward": Sentence(
        "{path}: a reward model, which scores and does not talk. Name the folder of a policy.",
        "{path}: 말하지 않고 점수를 매기는 보상 모델입니다. 정책 모델의 폴더를 쓰세요.",
    ),
    "export-no-adapter": Sentence(
        "{model}: a whole model, not an adapter. Use --merged.",
        "{model}: 어댑터가 아니라 전체 모델입니다. --merged를 쓰세요.",
    ),
    "export-model-licences": Sentence(
        "{model} learned from texts, or stands on a base, that may not be passed on as far as is "
        "known: {licences}. Nothing was written. Where you have the right: --allow-licence "
        '"{example}", once for each.',
        "{model}이(가) 배운 글이나 기반 모델을 내보내도 되는지 알 수 없습니다: {licences}. "
        '아무것도 쓰지 않았습니다. 권리가 있다면 라이선스마다 --allow-licence "{example}"처럼 '
        "적으세요.",
    ),
    "export-vocabulary": Sentence(
        "{path}: the model had {rows} rows of tokens, what was written has {found}. This is a bug.",
        "{path}: 모델의 토큰 행은 {rows}개인데 쓴 것은 {found}개입니다. 프로그램의 버그입니다.",
    ),
    "export-gap": Sentence(
        "{path}: the merged model's logits differ by {gap} (at most {largest}): it is another "
        "model. Nothing was kept.",
        "{path}: 합친 모델의 로짓이 {gap}만큼 다릅니다(최대 {largest}). 다른 모델이 되어 남기지 않았습니다.",
    ),
    "export-turns": Sentence(
        "The template {template} joins messages by more than their order, which Ollama's cannot. "
        "Use --gguf: llama.cpp reads the Jinja template in it.",
        "템플릿 {template}은(는) 메시지 순서만으로 정해지지 않아 Ollama의 형식으로 옮길 수 "
        "없습니다. --gguf를 쓰세요. llama.cpp는 그 안의 Jinja 템플릿을 읽습니다.",
    ),
    "gguf-tokenizer": Sentence(
        "GGUF has no equal of this tokenizer. It must be BPE over bytes or over characters with "
        "byte fallback, with a split that llama.cpp knows: {known}.",
        "GGUF로 똑같이 옮길 수 없는 토크나이저입니다. 바이트 BPE나 바이트로 대신하는 글자 "
        "BPE여야 하고, 나누는 방법을 llama.cpp가 알아야 합니다: {known}.",
    ),
    "gguf-family": Sentence(
        "No GGUF for models of the kind {family}. Possible: {known}.",
        "{family} 모델은 GGUF로 쓸 수 없습니다. 가능: {known}.",
    ),
    "gguf-rope": Sentence(
        "No GGUF for positions of the kind {rope}: only plain rotation is written.",
        "위치 방식 {rope}은(는) GGUF로 쓸 수 없습니다. 보통의 회전만 씁니다.",
    ),
    "gguf-tensor": Sentence(
        "llama.cpp has no name for the weight {name}.", "llama.cpp에 가중치 {name}의 이름이 없습니다."
    ),
    "gguf-ids": Sentence(
        "{model}: llama.cpp's tokenizer would read {line!r} as other tokens. Nothing was written.",
        "{model}: llama.cpp의 토크나이저는 {line!r}을(를) 다른 토큰으로 읽습니다. 아무것도 쓰지 않았습니다.",
    ),
    "gguf-read-back": Sentence(
        "{path}: the tokenizer read back is not the one written. This is a bug.",
        "{path}: 다시 읽은 토크나이저가 쓴 것과 다릅니다. 프로그램의 버그입니다.",
    ),
    "export-loading": Sentence("loading {model} in float32", "{model}을(를) float32로 읽는 중"),
    "export-model-done": Sentence("{path}: {files} files", "{path}: 파일 {files}개"),
    "export-model-gap": Sentence(
        "largest logit difference to base and adapter: {gap}; the likeliest next token is the "
        "same after {same} of {tokens} tokens",
        "합치기 전과 로짓의 가장 큰 차이: {gap}; 토큰 {tokens}개 가운데 다음 토큰이 같은 비율: {same}",
    ),
    "export-model-lines": Sentence(
        "tokenizer rebuilt from the file: the same ids on {lines} lines",
        "파일에서 다시 만든 토크나이저: {lines}줄에서 같은 id",
    ),
    "export-model-pushed": Sentence("uploaded: {address}", "올림: {address}"),
    "push-found": Sentence(
        "{path}: {count} places must not leave: {found}. Nothing was uploaded. Remove them "
        "there, or in what the model was made from.",
        "{path}: 내보내면 안 되는 것이 {count}곳 있습니다: {found}. 아무것도 올리지 않았습니다. "
        "그곳이나 모델을 만든 자료에서 지우세요.",
    ),
    "push-offline": Sentence(
        "HF_HUB_OFFLINE is set: nothing is uploaded. Unset it.",
        "HF_HUB_OFFLINE이 켜져 있어 올리지 않습니다. 끄고 다시 하세요.",
    ),
    "push-failed": Sentence(
        "{repository}: the Hub did not take it: {problem}. The folder stays; the same command "
        "with --force tries again.",
        "{repository}: Hub가 받지 않았습니다: {problem}. 폴더는 그대로 있습니다. --force를 붙여 다시 하세요.",
    ),
    "prompter-no-reply": Sentence(
        "the text does not hold what an answer starts behind: {header}",
        "답이 시작되는 곳을 찾지 못했습니다: {header}",
    ),
    # --- model services
    "asking": Sentence("asking {model}", "{model}에 묻는 중"),
    "key-missing": Sentence(
        "the environment variable {variable} is empty; expected the key of the service. Set it and run the "
        "same command again; never write a key into a recipe.",
        "환경 변수 {variable}이(가) 비어 있습니다. 서비스의 키가 필요합니다. 변수를 설정하고 같은 명령을 "
        "다시 실행하세요. 키는 레시피에 적지 마세요.",
    ),
    "key-unusable": Sentence(
        "the environment variable {variable} holds something that cannot be a key: spaces or characters "
        "outside ASCII. Set it anew.",
        "환경 변수 {variable}의 값은 키일 수 없습니다. 공백이나 ASCII 밖의 글자가 있습니다. 다시 설정하세요.",
    ),
    "service-key-refused": Sentence(
        "{service} refuses the key: {detail}. Set a valid one in the environment; what was answered so far "
        "is kept.",
        "{service}이(가) 키를 거절했습니다: {detail}. 유효한 키를 환경 변수에 설정하세요. 지금까지의 답은 "
        "보관되어 있습니다.",
    ),
    "service-quota": Sentence(
        "{service} stops for its quota or the bill: {detail}. Settle that there and run the same command "
        "again; what was answered so far is kept and not paid for twice.",
        "{service}이(가) 한도 또는 결제 문제로 멈췄습니다: {detail}. 해결한 뒤 같은 명령을 다시 실행하세요. "
        "지금까지의 답은 보관되어 다시 지불하지 않습니다.",
    ),
    "service-not-there": Sentence(
        "{service}: no such address or model: {detail}. Check base_url and model.",
        "{service}: 그런 주소나 모델이 없습니다: {detail}. base_url과 model을 확인하세요.",
    ),
    "service-unreachable": Sentence(
        "cannot reach {service}: {detail}. Check base_url, the network, and whether the service is running.",
        "{service}에 연결할 수 없습니다: {detail}. base_url, 네트워크, 서비스가 실행 중인지 확인하세요.",
    ),
    "network-settings": Sentence(
        "the environment's network settings cannot be used: {problem}. Check HTTP_PROXY, HTTPS_PROXY, "
        "ALL_PROXY and SSL_CERT_FILE.",
        "환경 변수의 네트워크 설정을 쓸 수 없습니다: {problem}. HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, "
        "SSL_CERT_FILE을 확인하세요.",
    ),
    "service-pause": Sentence(
        "{service} asks to wait {seconds} seconds: {detail}. Run the same command after that, or raise "
        "max_wait_seconds; what was answered so far is kept.",
        "{service}이(가) {seconds}초를 기다리라고 합니다: {detail}. 그 뒤에 같은 명령을 다시 실행하거나 "
        "max_wait_seconds를 늘리세요. 지금까지의 답은 보관되어 있습니다.",
    ),
    "service-down": Sentence(
        "{service}: {count} requests failed one after another, last {detail}. Check the service and run the "
        "same command again; what was answered so far is kept.",
        "{service}: 요청 {count}개가 잇달아 실패했습니다(마지막: {detail}). 서비스를 확인하고 같은 명령을 "
        "다시 실행하세요. 지금까지의 답은 보관되어 있습니다.",
    ),
    "budget-reached": Sentence(
        "budget of ${budget} reached: ${spent} spent, ${held} at most for requests left without an answer, "
        "and the next may cost ${most}. Raise budget and run the same command again; nothing is paid twice.",
        "예산 ${budget}에 이르렀습니다. 쓴 돈 ${spent}, 답을 받지 못한 요청에 최대 ${held}, 다음 요청에 최대 "
        "${most}. budget을 늘리고 같은 명령을 다시 실행하세요. 두 번 지불하지 않습니다.",
    ),
    "price-unknown": Sentence(
        "{model}: a budget needs the price. Set price_in and price_out (dollars per million tokens; 0 where "
        "it is free), or leave out budget.",
        "{model}: 예산을 지키려면 가격이 필요합니다. price_in과 price_out을 정하거나(100만 토큰당 달러, "
        "무료면 0) budget을 빼세요.",
    ),
    "price-unknown-deepl": Sentence(
        "DeepL: a budget needs the price. Set price (dollars per million characters; 0 on the free plan), or "
        "leave out budget.",
        "DeepL: 예산을 지키려면 가격이 필요합니다. price를 정하거나(100만 글자당 달러, 무료 요금제는 0) "
        "budget을 빼세요.",
    ),
    "model-changed": Sentence(
        "{service} now answers as another model: {detail}. Answers of two models must not mix: name a dated "
        "model, start a new run, or set allow_model_change.",
        "{service}이(가) 다른 모델로 답합니다: {detail}. 두 모델의 답을 섞을 수 없습니다. 날짜가 붙은 모델 "
        "이름을 쓰거나, 새로 실행하거나, allow_model_change를 켜세요.",
    ),
    "service-one-text": Sentence(
        "{model}: api: completions takes one message, got {count}. Use api: chat, or write the prompt as one "
        "text.",
        "{model}: api: completions에는 메시지 하나만 보낼 수 있는데 {count}개입니다. api: chat을 쓰거나 "
        "프롬프트를 한 글로 만드세요.",
    ),
    "service-no-beams": Sentence(
        "decoding.num_beams is {num_beams}: services know no beam search. Use num_beams: 1.",
        "decoding.num_beams가 {num_beams}입니다. 서비스는 빔 탐색을 모릅니다. num_beams: 1을 쓰세요.",
    ),
    "ledger-unreadable": Sentence(
        "{path}: the file of paid answers cannot be used: {problem}. Move it away; answers are then asked, "
        "and paid for, again.",
        "{path}: 지불한 답을 모아 둔 파일을 쓸 수 없습니다: {problem}. 다른 곳으로 옮기세요. 그러면 답을 "
        "다시 묻고 다시 지불하게 됩니다.",
    ),
    # --- synthesis: what all making steps say; respond; translate
    "time-left": Sentence("({left} left)", "({left} 남음)"),
    "synthesis-done": Sentence(
        "{step}: {records} records; rejected: {rejected}; flagged: {flagged}; spent ${spent}",
        "{step}: 레코드 {records}개, 버림: {rejected}, 표시: {flagged}, 쓴 돈 ${spent}",
    ),
    "synthesis-rejected": Sentence(
        "{step}: {count} of {made} candidates were rejected, more than {limit} ({rules}). Look at {rejects}; "
        "then change the request or the model, or raise max_rejected.",
        "{step}: 후보 {made}개 가운데 {count}개를 버려 {limit}을(를) 넘었습니다({rules}). {rejects} 파일을 "
        "보고 요청이나 모델을 바꾸거나 max_rejected를 높이세요.",
    ),
    "synthesis-nothing": Sentence(
        "{step}: no record is left; rejected: {rules}. Look at {rejects}, then change model or settings.",
        "{step}: 남은 레코드가 없습니다. 버림: {rules}. {rejects} 파일을 보고 모델이나 설정을 바꾸세요.",
    ),
    "self-instruct": Sentence("{step}: instructions", "{step}: 과제 짓기"),
    "self-instruct-answers": Sentence("{step}: answers", "{step}: 답 짓기"),
    "self-instruct-short": Sentence(
        "{step}: no new instructions came any more; short of: {missing}. More seeds, another model, a higher "
        "patience or more max_requests may help.",
        "{step}: 새 과제가 더 나오지 않아 모자랍니다: {missing}. 씨앗을 늘리거나, 모델을 바꾸거나, "
        "patience나 max_requests를 높여 보세요.",
    ),
    "help-data-self-instruct": Sentence(
        "New instructions and answers, grown from seed tasks by a model service.",
        "씨앗 과제에서 출발해 모델 서비스로 새 과제와 답을 짓습니다.",
    ),
    "help-data-evol": Sentence(
        "Make instructions harder, or new ones of them, and answer them.",
        "과제를 더 어렵게 고치거나 새로 지어 내고 답을 답니다.",
    ),
    "help-data-respond": Sentence(
        "Replies of a model service to prompts. Its preset: --set services.service.preset=vaiv.",
        "프롬프트에 대한 모델 서비스의 답변. 프리셋: --set services.service.preset=vaiv.",
    ),
    "help-data-translate": Sentence(
        "Translate English records into Korean; code and addresses stay as they are.",
        "영어 레코드를 한국어로 옮깁니다. 코드와 주소는 그대로 둡니다.",
    ),
    "help-making-model": Sentence("The model, as the service calls it.", "서비스가 부르는 모델 이름."),
    "help-making-base-url": Sentence(
        "The service's address up to /v1; default: OpenAI's.", "서비스 주소(/v1까지). 기본값은 OpenAI."
    ),
    "help-making-dry-run": Sentence(
        "Say what it would cost, and ask nothing.", "비용만 알리고 묻지 않습니다."
    ),
    "help-making-files": Sentence(
        "Records to begin with; self-instruct has seed tasks of its own.",
        "바탕이 될 레코드 파일. self-instruct는 씨앗 과제가 딸려 있습니다.",
    ),
    "making-no-files": Sentence(
        "{command}: no records to begin with. Name one or more files of records.",
        "{command}: 바탕이 될 레코드가 없습니다. 레코드 파일을 하나 이상 지정하세요.",
    ),
    "seeds-missing": Sentence(
        "{step}: no seed task of kind {kinds}; there are: {known}. Give seeds of that kind, each a request "
        "and its answer, or leave the kind out of `kinds`.",
        "{step}: {kinds} 갈래의 씨앗이 없습니다. 있는 갈래: {known}. 그 갈래의 씨앗(부탁과 답 한 쌍)을 "
        "넣거나 `kinds`에서 빼세요.",
    ),
    "evol": Sentence("{step}: rewriting", "{step}: 고쳐 쓰기"),
    "asking-service": Sentence("Replies by {author}", "{author}의 답변"),
    "translating": Sentence("Translating", "옮기는 중"),
    # --- judging
    "judging": Sentence("Judging", "채점하는 중"),
    "judge-who": Sentence(
        "{step}: {method} needs one judge and no second. Name a local model as `judge` with method exact, or "
        "a `service` with method top_logprobs, sample or greedy.",
        "{step}: {method}에는 채점할 모델이 꼭 하나 필요합니다. exact는 로컬 모델을 `judge`로, top_logprobs, "
        "sample, greedy는 `service`를 지정하세요.",
    ),
    "compare-none": Sentence(
        "{step}: no two authors answered the same prompt under the same decoding (authors: {authors}). "
        "Figures of different prompts or decodings are not compared.",
        "{step}: 같은 프롬프트에 같은 디코딩으로 답한 두 작성자가 없습니다(작성자: {authors}). 프롬프트나 "
        "디코딩이 다르면 견주지 않습니다.",
    ),
    "judge-done": Sentence(
        "{step}: {scores} scores, missing: {missing}; the run has paid ${spent}.",
        "{step}: 점수 {scores}개, 빠진 것: {missing}. 이 실행이 지금까지 낸 돈: ${spent}.",
    ),
    "judge-missing": Sentence(
        "{step}: {missing} of {scores} scores are missing ({reasons}), the limit is {limit} (max_missing). "
        "They are no zeros: look at `reason` in its scores.jsonl, then at the judge, its method and "
        "max_new_tokens.",
        "{step}: 점수 {scores}개 가운데 {missing}개가 빠졌습니다({reasons}). 한도는 {limit}(max_missing). "
        "0점으로 치지 않습니다. scores.jsonl의 `reason`을 보고 채점 모델, 방식, max_new_tokens를 "
        "살피세요.",
    ),
    # --- preferences
    "pairs-done": Sentence(
        "{step}: {records} preferences ({counts}).", "{step}: 선호 레코드 {records}개({counts})."
    ),
    "rank-none": Sentence(
        "{step}: no preference is left ({counts}). Give scores of these replies, several replies to each "
        "prompt, or a smaller floor or margin.",
        "{step}: 남은 선호 레코드가 없습니다({counts}). 이 답변들의 점수를 넣거나, 프롬프트마다 답변을 "
        "늘리거나, floor나 margin을 낮추세요.",
    ),
    "rank-mixed": Sentence(
        "{step}: scores of several judges do not mix into one order: {judges}. Name the scores of one.",
        "{step}: 여러 채점의 점수를 섞어 순위를 매길 수 없습니다: {judges}. 하나의 점수만 지정하세요.",
    ),
    "pairs-none": Sentence(
        "{step}: no preference is left ({counts}). Give contrasts, more replies to each prompt, or a higher "
        "temperature, so that replies differ in rank.",
        "{step}: 남은 선호 레코드가 없습니다({counts}). contrasts를 넣거나, 프롬프트마다 답변을 늘리거나, "
        "온도를 높여 답변의 순위가 갈리게 하세요.",
    ),
}

_chosen: Language | None = None


def choose_language(language: Language | None) -> None:
    """Fix the language of every sentence from here on; None returns to the environment's choice."""
    global _chosen
    _chosen = language


def language() -> Language:
    """`--lang`, else DAJEONG_LANG, else the locale; English where none says Korean."""
    if _chosen:
        return _chosen
    wanted = os.environ.get("DAJEONG_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG")
    wanted = wanted or locale.getlocale()[0] or ""
    return "ko" if wanted.lower().startswith(("ko", "korean")) else "en"


def text(code: str, **parameters: object) -> str:
    """The sentence of `code` in the chosen language, its placeholders filled."""
    return getattr(MESSAGES[code], language()).format(**parameters)  # type: ignore[no-any-return]
