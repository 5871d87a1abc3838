"use strict";
// The chat page: conversations kept in this browser, replies streamed from the API that served it, votes sent to it.
// Whatever people and models say becomes text nodes; no string is ever read as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const MOST_CONVERSATIONS = 100;
const LONGEST_MARKDOWN = 30000;  // longer answers are shown as they are
const DEEPEST = 5;
const STARTERS = ["starter-1", "starter-2", "starter-3"];
const CHOICES = ["first", "tie", "both-bad", "second"];
const CHOICE_KEYS = { first: "1", second: "2", tie: "3", "both-bad": "0" };
const DIALS = {
  system: { text: true, least: 0, most: 8000 },
  temperature: { least: 0, most: 2, step: 0.1 },
  top_p: { least: 0.05, most: 1, step: 0.05 },
  top_k: { least: 0, most: 1000, step: 1 },
  repetition_penalty: { least: 0.5, most: 2, step: 0.05 },
  max_tokens: { least: 1, most: 8192, step: 1 },
  seed: { least: 0, most: 2 ** 31, step: 1, optional: true },
};

// --- what is kept in this browser
const PREFIX = "dajeong-chat:";
const store = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    const text = JSON.stringify(value);
    for (;;) {
      try { localStorage.setItem(PREFIX + name, text); return; } catch {
        if (!forgetOldest(name)) { notice(t("full")); return; }
      }
    }
  },
  drop(name) { try { localStorage.removeItem(PREFIX + name); } catch { /* private mode */ } },
  names(start) {
    try { return Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + start)); } catch { return []; }
  },
};

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));  // randomUUID is missing on plain http
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const kept = store.get("settings", {});
const state = {
  language: kept.language || (navigator.language.startsWith("ko") ? "ko" : "en"),
  dials: keptDials(kept.dials),
  model: kept.model || "", pair: kept.pair || [], beside: Boolean(kept.beside), blind: Boolean(kept.blind),
  models: [], conversations: new Map(), here: null, running: new Map(),
  key: sessionStorage.getItem(PREFIX + "key") || "", locked: false,
};

function saveSettings() {
  const { language, dials, model, pair, beside, blind } = state;
  store.set("settings", { language, dials, model, pair, beside, blind });
}

// --- words
function t(key, values = {}) {
  const words = data.words[key] || [key, key];
  return words[state.language === "ko" ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function translate() {
  document.documentElement.lang = state.language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const [name, attribute] of [["label", "aria-label"], ["title", "title"], ["placeholder", "placeholder"]]) {
    for (const element of document.querySelectorAll(`[data-${name}]`)) {
      element.setAttribute(attribute, t(element.dataset[name]));
    }
  }
  $("language").lang = state.language === "ko" ? "en" : "ko";
  drawStarters();
  drawDials();
  drawAll();
}

function make(name, properties = {}, ...children) {
  const { label, ...rest } = properties;
  const element = Object.assign(document.createElement(name), rest);
  if (label) element.setAttribute("aria-label", label);
  element.append(...children);
  return element;
}

const button = (words, act, properties = {}) =>
  make("button", { type: "button", className: "plain", textContent: words, onclick: act, ...properties });

let hiding = null;
function notice(words, act = null) {
  $("notice-text").textContent = words;
  $("notice-act").hidden = !act;
  if (act) Object.assign($("notice-act"), { textContent: act.words, onclick: () => { hideNotice(); act.act(); } });
  $("notice").classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(hideNotice, 8000);
}
function hideNotice() { $("notice").classList.remove("shown"); }
const tell = (words) => { $("status").textContent = words; };

// --- asking the server
async function ask(path, body, signal) {
  const headers = body ? { "content-type": "application/json" } : {};
  if (/[^\x21-\x7e]/.test(state.key)) throw failure({ code: "invalid_api_key" }, 401);  // no header can hold it
  if (state.key) headers.authorization = `Bearer ${state.key}`;
  const sent = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal };
  const answer = await fetch(path, { ...sent, cache: "no-store", credentials: "omit", redirect: "error" });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw failure(told.error || {}, answer.status);
}

function failure(told, status = 0) {
  const code = typeof told.code === "string" ? told.code : "";
  const known = data.words[`problem-${code}`] ? t(`problem-${code}`) : "";
  return Object.assign(new Error(known || told.message || t("problem-unknown", { status })), { code, status });
}

const wording = (problem) => (problem.code === undefined ? t("problem-unreachable") : problem.message);

// Every event of a stream of server-sent events, as the API sends them.
async function* events(answer) {
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        if (part.startsWith("data: ")) yield part.slice(6);
      }
    }
  } finally { reader.cancel().catch(() => {}); }
}

let loading = null;
async function loadModels() {
  clearTimeout(loading);
  try {
    const told = await (await ask("/v1/models")).json();
    state.models = told.data.filter((model) => (model.kind || "chat") === "chat");
    state.locked = false;
    chooseModels();
    problem("");
  } catch (failed) {
    if (failed.status === 401) { askKey(); return; }
    problem(wording(failed));
    loading = setTimeout(loadModels, 1500);
  }
  drawHeader();
  drawAsk();
}

// The models that are chosen must be there; side by side it is the supervised one against the last trained.
function chooseModels() {
  const ids = state.models.map((model) => model.id);
  const standard = (state.models.find((model) => model.default) || state.models[0])?.id || "";
  if (!ids.includes(state.model)) state.model = standard;
  const [left, right] = state.pair;
  if (!ids.includes(left) || !ids.includes(right)) {
    const other = ids.includes("sft") && standard !== "sft" ? "sft" : ids.find((id) => id !== standard) || standard;
    state.pair = [other, standard];
  }
  if (ids.length < 2) state.beside = false;
}

// --- conversations
function newConversation() {
  return { id: uuid(), title: "", made: Date.now(), changed: Date.now(), turns: [] };
}

function readConversations() {
  for (const name of store.names("talk:")) {
    const found = store.get(name.slice(PREFIX.length), null);
    if (isConversation(found)) state.conversations.set(found.id, ended(found));
  }
}

function isConversation(found) {
  const isTurn = (turn) => typeof turn?.user === "string" && Array.isArray(turn.answers) && turn.answers.length > 0
    && turn.answers.every((answer) => typeof answer?.text === "string");
  return typeof found?.id === "string" && Array.isArray(found.turns) && found.turns.every(isTurn);
}

// What was being written when the page went away is over.
function ended(conversation) {
  for (const answer of conversation.turns.flatMap((turn) => turn.answers)) {
    if (answer.state === "writing") answer.state = "stopped";
  }
  return conversation;
}

const byAge = () => [...state.conversations.values()].filter((each) => each.turns.length)
  .sort((one, other) => other.changed - one.changed || (one.id < other.id ? -1 : 1));

function save(conversation) {
  if (!conversation.turns.length || !state.conversations.has(conversation.id)) return;
  for (const old of byAge().slice(MOST_CONVERSATIONS)) forget(old.id);
  store.set(`talk:${conversation.id}`, conversation);
}

function forget(id) {
  state.running.get(id)?.abort();
  state.conversations.delete(id);
  store.drop(`talk:${id}`);
}

// Where the browser has no room left the oldest conversation goes, never the one that is being kept.
function forgetOldest(keeping) {
  const old = byAge().reverse().find((each) => `talk:${each.id}` !== keeping && each.id !== state.here?.id);
  if (old) forget(old.id);
  return Boolean(old);
}

function open(conversation) {
  if (!state.here.turns.length) state.conversations.delete(state.here.id);
  state.here = conversation;
  state.conversations.set(conversation.id, conversation);
  sessionStorage.setItem(PREFIX + "here", conversation.id);
  problem("");
  drawAll();
  toBottom();
}

function remove(conversation) {
  const was = structuredClone(conversation);
  const here = conversation === state.here;
  forget(conversation.id);
  if (here) open(byAge()[0] || newConversation());
  else drawList();
  notice(t("removed"), { words: t("undo"), act: () => {
    state.conversations.set(was.id, ended(was));
    save(was);
    open(was);
  } });
  (document.querySelector("#list .open") || $("new")).focus();
}

// Another window may have changed or removed a conversation.
addEventListener("storage", (event) => {
  if (!event.key?.startsWith(`${PREFIX}talk:`)) return;
  const id = event.key.slice(`${PREFIX}talk:`.length);
  if (state.running.has(id)) return;
  const found = store.get(`talk:${id}`, null);
  if (isConversation(found)) {
    state.conversations.set(id, found);
    if (state.here?.id === id) { state.here = found; drawTurns(); }
  } else if (state.here?.id !== id) state.conversations.delete(id);
  drawList();
});

// --- turns
const carried = (turn) => turn.answers[turn.carried ?? 0] || turn.answers[0];
const isRunning = (conversation) => state.running.has(conversation.id);
const canVote = (turn) => turn.answers.length === 2
  && turn.answers.every((answer) => answer.state === "done" || answer.state === "length");

// What a model reads before it answers a turn. Turns that came to nothing are left out.
function messagesOf(conversation, turn) {
  const messages = turn.system ? [{ role: "system", content: turn.system }] : [];
  for (const earlier of conversation.turns) {
    if (earlier === turn) break;
    const said = carried(earlier).text;
    if (said) messages.push({ role: "user", content: earlier.user }, { role: "assistant", content: said });
  }
  return [...messages, { role: "user", content: turn.user }];
}

function newTurn(user) {
  const blind = state.beside && state.blind;
  const models = state.beside ? [...state.pair] : [state.model];
  if (blind && crypto.getRandomValues(new Uint8Array(1))[0] & 1) models.reverse();
  const answers = models.map((model) => ({ model, text: "", state: "writing" }));
  return { id: uuid(), user, system: state.dials.system.trim(), answers, blind, carried: 0, vote: null };
}

function send(words) {
  const user = words.trim();
  const conversation = state.here;
  if (!user || !state.models.length || isRunning(conversation)) return false;
  const turn = newTurn(user);
  conversation.turns.push(turn);
  conversation.title ||= user.replace(/\s+/g, " ").slice(0, 60);
  run(conversation, turn);
  return true;
}

async function run(conversation, turn) {
  const stopper = new AbortController();
  state.running.set(conversation.id, stopper);
  conversation.changed = Date.now();
  problem("");
  save(conversation);
  drawAll();
  toBottom();
  tell(t("writing"));
  const saving = setInterval(() => save(conversation), 2000);
  await Promise.all(turn.answers.map((answer) => write(conversation, turn, answer, stopper.signal)));
  clearInterval(saving);
  state.running.delete(conversation.id);
  save(conversation);
  tell(t(turn.answers.some((answer) => answer.state === "failed") ? "failed" : "written"));
  if (state.here === conversation) drawTurn(conversation, turn);
  drawList();
  drawAsk();
}

async function write(conversation, turn, answer, signal) {
  try {
    const asked = await ask("/v1/chat/completions", bodyOf(conversation, turn, answer), signal);
    for await (const event of events(asked)) {
      if (event === "[DONE]") break;
      hear(answer, JSON.parse(event));
      drawText(answer);
    }
    if (answer.state === "writing") throw failure({ code: "cut_off" });
  } catch (failed) {
    answer.state = signal.aborted ? "stopped" : "failed";
    if (!signal.aborted) answer.problem = wording(failed);
    if (failed.status === 401) askKey();
    if (failed.code === "model_not_found") loadModels();
  }
  if (state.here === conversation) drawTurn(conversation, turn);
}

function hear(answer, told) {
  if (told.error) throw failure(told.error);
  const choice = told.choices[0];
  if (!choice) return;
  answer.text += choice.delta.content || "";
  if (choice.finish_reason) answer.state = choice.finish_reason === "length" ? "length" : "done";
}

function bodyOf(conversation, turn, answer) {
  const { temperature, top_p, top_k, repetition_penalty, max_tokens, seed } = state.dials;
  const limit = state.models.find((model) => model.id === answer.model)?.max_model_len || max_tokens;
  const body = { model: answer.model, messages: messagesOf(conversation, turn), stream: true };
  Object.assign(body, { temperature, top_p, top_k, repetition_penalty, max_tokens: Math.min(max_tokens, limit) });
  return seed === null ? body : { ...body, seed };
}

const stop = () => state.running.get(state.here.id)?.abort();

const canRetry = (conversation, turn) => !isRunning(conversation) && turn === conversation.turns.at(-1);

function retry(conversation, turn) {
  if (!canRetry(conversation, turn) || !state.models.length) return;
  const again = newTurn(turn.user);
  conversation.turns[conversation.turns.length - 1] = again;
  $("text").focus();
  run(conversation, again);
}

function edit(conversation, turn, words) {
  const at = conversation.turns.indexOf(turn);
  if (!words.trim() || at < 0 || isRunning(conversation) || !state.models.length) return;
  conversation.turns.length = at;
  if (at === 0) conversation.title = "";
  $("text").focus();
  send(words);
}

// --- votes: chosen once; sent again under the same id until the server has it
function vote(conversation, turn, choice) {
  if (turn.vote || !canVote(turn)) return;
  turn.vote = { id: uuid(), choice, saved: false };
  if (turn === conversation.turns.at(-1) && !isRunning(conversation)) turn.carried = choice === "second" ? 1 : 0;
  sendVote(conversation, turn);
}

async function sendVote(conversation, turn) {
  const given = turn.vote;
  given.problem = "";
  save(conversation);
  drawTurn(conversation, turn);
  $("text").focus();
  const responses = turn.answers.map(({ text, model }) => ({ content: text, model }));
  const messages = messagesOf(conversation, turn);
  try {
    await ask("/v1/votes", { messages, responses, choice: given.choice, vote_id: given.id, blind: turn.blind });
    given.saved = true;
    tell(t("vote-kept"));
  } catch (failed) {
    given.problem = wording(failed);
    if (failed.status === 401) askKey();
  }
  save(conversation);
  if (state.here === conversation) drawTurn(conversation, turn);
}

// --- drawing
function drawAll() {
  drawList();
  drawHeader();
  drawTurns();
  drawAsk();
}

function drawList() {
  $("list").replaceChildren(...byAge().map((each) => {
    const title = each.title || t("untitled");
    const opens = make("button", { type: "button", className: "open", textContent: title, onclick: () => {
      showSide(false);
      open(each);
      $("text").focus();
    } });
    if (each === state.here) opens.setAttribute("aria-current", "true");
    const removes = make("button", { type: "button", className: "remove", textContent: "×",
      label: t("remove", { title }), onclick: () => remove(each) });
    return make("li", { className: each === state.here ? "here" : "" }, opens, removes);
  }));
  $("title").textContent = state.here.title;
  document.title = state.here.title ? `${state.here.title} · ${t("brand")}` : t("brand");
}

function drawHeader() {
  const several = state.models.length > 1;
  const [left, right] = state.beside ? state.pair : [state.model, ""];
  drawSelect($("left"), left, t(state.beside ? "model-left" : "model"));
  drawSelect($("right"), right, t("model-right"));
  for (const id of ["right", "versus", "blind"]) $(id).hidden = !state.beside;
  $("beside").hidden = !several;
  $("beside").setAttribute("aria-pressed", state.beside);
  $("blind").setAttribute("aria-pressed", state.blind);
  $("forget-key").hidden = !state.key && !state.locked;
  $("forget-key").textContent = t(state.locked ? "enter-key" : "forget-key");
}

function drawSelect(select, chosen, label) {
  select.replaceChildren(...state.models.map((model) => make("option", { value: model.id, textContent: model.id })));
  select.value = chosen;
  select.disabled = !state.models.length;
  select.setAttribute("aria-label", label);
}

function drawAsk() {
  const running = isRunning(state.here);
  const hadFocus = [$("stop"), $("send")].includes(document.activeElement);
  $("stop").hidden = !running;
  $("send").hidden = running;
  $("send").disabled = !state.models.length || !$("text").value.trim();
  if (hadFocus) $("text").focus();
}

function drawStarters() {
  $("starters").replaceChildren(...STARTERS.map((key) =>
    make("button", { type: "button", textContent: t(key), onclick: () => { send(t(key)); $("text").focus(); } })));
}

function drawTurns() {
  const turns = state.here.turns;
  $("welcome").hidden = turns.length > 0;
  $("turns").replaceChildren(...turns.map((turn) => turnElement(state.here, turn)));
}

const elements = new WeakMap();  // an answer → where its text is
function drawTurn(conversation, turn) {
  if (conversation !== state.here) return;
  const old = document.getElementById(`turn-${turn.id}`);
  const stays = atBottom();
  if (old && !old.querySelector("textarea")) old.replaceWith(turnElement(conversation, turn));
  if (stays) toBottom();
}

function turnElement(conversation, turn) {
  const two = turn.answers.length > 1;
  const parts = make("div", { className: two ? "answers two" : "answers" });
  turn.answers.forEach((answer, at) => parts.append(answerElement(conversation, turn, answer, at)));
  const element = make("article", { className: two ? "turn pair" : "turn", id: `turn-${turn.id}` });
  element.append(userElement(conversation, turn), parts);
  if (two && canVote(turn)) element.append(voteElement(conversation, turn));
  if (two && canRetry(conversation, turn)) {
    element.append(make("div", { className: "acts" }, button(t("retry"), () => retry(conversation, turn))));
  }
  return element;
}

function userElement(conversation, turn) {
  const element = make("div", { className: "user" });
  const said = make("div", { className: "said", textContent: turn.user });
  const acts = make("div", { className: "acts" });
  acts.append(button(t("edit"), () => editElement(conversation, turn, element), { label: t("edit-label") }));
  element.append(make("span", { className: "unseen", textContent: t("you") }), said, acts);
  return element;
}

function editElement(conversation, turn, element) {
  state.running.get(conversation.id)?.abort();
  const area = make("textarea", { value: turn.user, maxLength: 32000, label: t("edit-label") });
  const back = () => {
    element.replaceWith(userElement(conversation, turn));
    document.querySelector(`#turn-${turn.id} .user button`)?.focus();
  };
  const done = () => (area.value.trim() ? edit(conversation, turn, area.value) : area.focus());
  area.addEventListener("keydown", (event) => {
    if (isSend(event)) { event.preventDefault(); done(); }
    if (event.key === "Escape" && !event.isComposing) { event.stopPropagation(); back(); }
  });
  const acts = make("p", { className: "row end" }, button(t("cancel"), back),
    button(t("send-again"), done, { className: "strong" }));
  element.replaceChildren(make("div", { className: "edit" }, area, acts));
  area.focus();
}

function answerElement(conversation, turn, answer, at) {
  const writing = answer.state === "writing";
  const element = make("div", { className: "answer" });
  const name = nameOf(turn, answer, at);
  const who = make("p", { className: "who", textContent: name });
  if (isCarried(conversation, turn, at)) {
    element.classList.add("carried");
    who.append(make("span", { textContent: t("carried") }));
  }
  const text = make("div", { className: "text" });
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", t("answer-of", { name }));
  element.setAttribute("aria-busy", writing);
  element.append(who, text);
  elements.set(answer, text);
  fill(text, answer);
  if (!writing) element.append(endElement(conversation, turn, answer));
  return element;
}

const nameOf = (turn, answer, at) => (turn.blind && !turn.vote ? t("side", { letter: "AB"[at] }) : answer.model);

// Side by side, one of the two is what the conversation goes on with.
const isCarried = (conversation, turn, at) => turn.answers.length > 1 && (turn.carried ?? 0) === at
  && (Boolean(turn.vote) || turn !== conversation.turns.at(-1));

function endElement(conversation, turn, answer) {
  const element = make("div");
  if (answer.state === "failed") element.append(make("p", { className: "problem", textContent: answer.problem }));
  else if (answer.state !== "done") {
    element.append(make("p", { className: "ended", textContent: t(`state-${answer.state}`) }));
  }
  const acts = make("div", { className: "acts" });
  if (answer.text && navigator.clipboard) {
    const copy = () => navigator.clipboard.writeText(answer.text).then(() => notice(t("copied")), () => {});
    acts.append(button(t("copy"), copy));
  }
  if (turn.answers.length === 1 && canRetry(conversation, turn)) {
    acts.append(button(t("retry"), () => retry(conversation, turn)));
  }
  element.append(acts);
  return element;
}

function voteElement(conversation, turn) {
  const given = turn.vote;
  const names = turn.answers.map((answer, at) => nameOf(turn, answer, at));
  const element = make("div", { className: "vote" });
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", t("vote-label"));
  const choices = make("div");
  for (const choice of CHOICES) {
    const words = t(`vote-${choice}`, { name: choice === "first" ? names[0] : names[1] });
    const key = make("kbd", { textContent: CHOICE_KEYS[choice], ariaHidden: "true" });
    const act = () => vote(conversation, turn, choice);
    const chooses = make("button", { type: "button", className: choice, onclick: act }, key, ` ${words}`);
    chooses.disabled = Boolean(given);
    if (given) chooses.setAttribute("aria-pressed", given.choice === choice);
    choices.append(chooses);
  }
  element.append(make("p", { textContent: t("vote-label") }), choices);
  if (given?.saved) element.append(make("p", { className: "kept", textContent: t("vote-kept") }));
  if (given?.problem) {
    element.append(make("p", { className: "problem", textContent: t("vote-lost", { problem: given.problem }) }),
      button(t("vote-again"), () => sendVote(conversation, turn)));
  }
  return element;
}

const due = new Set();
function drawText(answer) {
  if (!due.size) requestAnimationFrame(drawDue);
  due.add(answer);
}

function drawDue() {
  const stays = atBottom();
  for (const answer of due) {
    const element = elements.get(answer);
    if (element?.isConnected) fill(element, answer);
  }
  due.clear();
  if (stays) toBottom();
}

function fill(element, answer) {
  if (!answer.text && answer.state === "writing") {
    element.replaceChildren(make("span", { className: "waiting" }, make("i"), make("i"), make("i")));
  } else element.replaceChildren(markdown(answer.text));
}

const atBottom = () => $("talk").scrollHeight - $("talk").scrollTop - $("talk").clientHeight < 80;
function toBottom() { $("talk").scrollTop = $("talk").scrollHeight; }

function problem(words) { $("problem").textContent = words; }

// --- Markdown, as nodes: paragraphs, headings, lists, quotes, code, emphasis, links. Anything else stays as written.
function markdown(text) {
  const fragment = document.createDocumentFragment();
  if (text.length > LONGEST_MARKDOWN) fragment.append(plain(text));
  else blocks(text.replace(/\r\n?/g, "\n").split("\n"), fragment, 0);
  return fragment;
}

const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( +|$)(.*)$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const starts = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((kind) => kind.test(line));

function plain(text) {
  const element = make("p", { textContent: text });
  element.style.whiteSpace = "pre-wrap";
  return element;
}

function blocks(lines, parent, depth) {
  if (depth > DEEPEST) { parent.append(plain(lines.join("\n"))); return; }
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    if (!line.trim()) at += 1;
    else if (FENCE.test(line)) at = codeBlock(lines, at, parent);
    else if (HEADING.test(line)) at = heading(lines, at, parent);
    else if (RULE.test(line)) { parent.append(make("hr")); at += 1; }
    else if (QUOTE.test(line)) at = quote(lines, at, parent, depth);
    else if (ITEM.test(line)) at = list(lines, at, parent, depth);
    else at = paragraph(lines, at, parent);
  }
}

function codeBlock(lines, at, parent) {
  const fence = FENCE.exec(lines[at])[1];
  let end = at + 1;
  const closes = (line) => line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], "");
  while (end < lines.length && !closes(lines[end])) end += 1;
  const code = make("code", { textContent: lines.slice(at + 1, end).join("\n") });
  parent.append(make("pre", { tabIndex: 0, label: t("code") }, code));
  parent.lastChild.setAttribute("role", "group");
  return end + 1;
}

function heading(lines, at, parent) {
  const [, marks, words] = HEADING.exec(lines[at]);
  const element = make(`h${Math.min(6, marks.length + 2)}`);
  inline(words, element, 0);
  parent.append(element);
  return at + 1;
}

function quote(lines, at, parent, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const element = make("blockquote");
  blocks(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), element, depth + 1);
  parent.append(element);
  return end;
}

function list(lines, at, parent, depth) {
  const mark = ITEM.exec(lines[at])[2];
  const ordered = /\d/.test(mark);
  const element = make(ordered ? "ol" : "ul");
  if (ordered) element.start = parseInt(mark, 10);
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (!found || /\d/.test(found[2]) !== ordered || RULE.test(lines[at])) break;
    const indent = found[1].length + found[2].length + 1;
    const own = [found[4]];
    at += 1;
    for (; at < lines.length && belongs(lines, at, indent); at += 1) {
      own.push(lines[at].replace(/^ {1,4}/, (space) => space.slice(indent)));
    }
    const item = make("li");
    blocks(own, item, depth + 1);
    element.append(item);
    while (at < lines.length && !lines[at].trim() && ITEM.test(lines[at + 1] || "")) at += 1;
  }
  parent.append(element);
  return at;
}

// Lines of an item: indented ones, a blank one before an indented one, and text that goes on.
function belongs(lines, at, indent) {
  const line = lines[at];
  const least = Math.min(indent, 2);
  if (!line.trim()) return (lines[at + 1] || "").startsWith(" ".repeat(least)) && Boolean(lines[at + 1].trim());
  return line.startsWith(" ".repeat(least)) || (!starts(line) && Boolean(lines[at - 1].trim()));
}

function paragraph(lines, at, parent) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !starts(lines[end])) end += 1;
  const element = make("p");
  inline(lines.slice(at, end).join("\n"), element, 0);
  parent.append(element);
  return end;
}

const LINK = /\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()<>"]{1,2000})\)/iy;
const EMPHASIS = /(\*\*|__|\*|_)(?=\S)/y;

function inline(text, parent, depth) {
  let said = "";
  const flush = () => { if (said) parent.append(said); said = ""; };
  const put = (element) => { flush(); parent.append(element); };
  for (let at = 0; at < text.length;) {
    const part = depth > DEEPEST ? null : codeAt(text, at) || linkAt(text, at) || emphasisAt(text, at, depth);
    if (part) { put(part.element); at = part.end; }
    else if (text[at] === "\\" && /[\\`*_{}[\]()#+\-.!>~|]/.test(text[at + 1] || "")) { said += text[at + 1]; at += 2; }
    else if (text[at] === "\n") { said = said.replace(/ +$/, ""); put(make("br")); at += 1; }
    else {
      const run = /[^`[*_\\\n]+|`+|./suy;
      run.lastIndex = at;
      const found = run.exec(text)[0];
      said += found;
      at += found.length;
    }
  }
  flush();
}

function codeAt(text, at) {
  if (text[at] !== "`") return null;
  const fence = /`+/y;
  fence.lastIndex = at;
  const marks = fence.exec(text)[0];
  let end = at + marks.length;
  for (;;) {  // a run of the same length closes
    end = text.indexOf(marks, end);
    if (end < 0) return null;
    if (text[end + marks.length] !== "`") break;
    while (text[end] === "`") end += 1;
  }
  const inner = text.slice(at + marks.length, end).replace(/\n/g, " ").replace(/^ (.*\S.*) $/, "$1");
  return { element: make("code", { textContent: inner }), end: end + marks.length };
}

function linkAt(text, at) {
  if (text[at] !== "[") return null;
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  if (!found) return null;
  const href = webAddress(found[2]);
  if (!href) return null;
  const element = make("a", { href, title: href, target: "_blank", rel: "noopener noreferrer", textContent: found[1] });
  return { element, end: at + found[0].length };
}

function webAddress(given) {
  try {
    const url = new URL(given);
    return ["http:", "https:"].includes(url.protocol) && !url.username && !url.password ? url.href : "";
  } catch { return ""; }
}

function emphasisAt(text, at, depth) {
  EMPHASIS.lastIndex = at;
  const found = EMPHASIS.exec(text);
  if (!found) return null;
  const mark = found[1];
  if (mark[0] === "_" && /[\p{L}\p{N}]/u.test(text[at - 1] || "")) return null;  // snake_case
  if (mark === "*" && /\w/.test(text[at - 1] || "") && /\w/.test(text[at + 1])) return null;  // 2*3*4
  let end = at + mark.length;
  for (;;) {
    end = text.indexOf(mark, end);
    if (end < 0 || end - at > 2000) return null;
    const closes = /\S/.test(text[end - 1]) && end > at + mark.length
      && !(mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark))
      && !(mark[0] === "_" && /[\p{L}\p{N}]/u.test(text[end + mark.length] || ""));
    if (closes) break;
    end += mark.length;
  }
  const element = make(mark.length === 2 ? "strong" : "em");
  inline(text.slice(at + mark.length, end), element, depth + 1);
  return { element, end: end + mark.length };
}

// --- settings
function drawDials() {
  $("dials").replaceChildren(...Object.entries(DIALS).map(([name, dial]) => {
    const id = `dial-${name}`;
    const value = state.dials[name] ?? "";
    const input = make(dial.text ? "textarea" : "input", { id, value });
    if (dial.text) input.maxLength = dial.most;
    else Object.assign(input, { type: "number", min: dial.least, max: dial.most, step: dial.step, inputMode: "decimal" });
    input.setAttribute("aria-describedby", `${id}-hint`);
    if (dial.optional) input.placeholder = t("each-new");
    input.addEventListener("change", () => turnDial(name, input));
    return make("div", { className: dial.text ? "whole" : "" }, make("label", { htmlFor: id, textContent: t(id) }),
      input, make("p", { className: "hint", id: `${id}-hint`, textContent: t(`${id}-hint`) }));
  }));
}

function turnDial(name, input) {
  state.dials[name] = dialValue(DIALS[name], input.value, data.decoding[name] ?? null);
  input.value = state.dials[name] ?? "";
  saveSettings();
}

// What was kept is read as if it were typed in.
function keptDials(found) {
  return Object.fromEntries(Object.entries(DIALS).map(([name, dial]) =>
    [name, dialValue(dial, String(found?.[name] ?? ""), data.decoding[name] ?? null)]));
}

// What a dial was set to, brought within its bounds; its standard where that is no number.
function dialValue(dial, given, standard) {
  if (dial.text) return given.slice(0, dial.most);
  const number = given.trim() === "" ? NaN : Number(given);
  if (!Number.isFinite(number)) return standard;
  const bounded = Math.min(dial.most, Math.max(dial.least, number));
  return Number.isInteger(dial.step) ? Math.round(bounded) : bounded;
}

$("show-settings").addEventListener("click", () => { drawDials(); $("settings").showModal(); });
$("settings-close").addEventListener("click", () => $("settings").close());
$("dials").addEventListener("submit", (event) => { event.preventDefault(); $("settings").close(); });
$("reset").addEventListener("click", () => {
  state.dials = keptDials({});
  saveSettings();
  drawDials();
});

// --- the key, where the server wants one: kept for this tab alone
function askKey() {
  state.locked = true;
  drawHeader();
  $("key-problem").textContent = state.key ? t("key-wrong") : "";
  if (!$("key-dialog").open) $("key-dialog").showModal();
  $("key").focus();
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.key = $("key").value.trim();
  sessionStorage.setItem(PREFIX + "key", state.key);
  $("key").value = "";
  $("key-dialog").close();
  loadModels();
});
$("forget-key").addEventListener("click", () => {
  state.key = "";
  sessionStorage.removeItem(PREFIX + "key");
  state.models = [];
  drawHeader();
  loadModels();
});

// --- hands
// Enter that ends the writing of a syllable is not ours; on phones it is a new line.
function isSend(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229
    && !matchMedia("(pointer: coarse)").matches;
}

function grow() {
  const area = $("text");
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

function submit() {
  if (!send($("text").value)) return;
  $("text").value = "";
  grow();
  drawAsk();
}

$("text").addEventListener("input", () => { grow(); drawAsk(); });
$("text").addEventListener("keydown", (event) => {
  if (!isSend(event)) return;
  event.preventDefault();
  submit();
});
$("ask").addEventListener("submit", (event) => { event.preventDefault(); submit(); $("text").focus(); });
$("stop").addEventListener("click", stop);
$("new").addEventListener("click", () => {
  showSide(false);
  if (state.here.turns.length) open(newConversation());
  $("text").focus();
});
$("language").addEventListener("click", () => {
  state.language = state.language === "ko" ? "en" : "ko";
  saveSettings();
  translate();
});
$("beside").addEventListener("click", () => { state.beside = !state.beside; saveSettings(); drawHeader(); });
$("blind").addEventListener("click", () => { state.blind = !state.blind; saveSettings(); drawHeader(); });
$("left").addEventListener("change", () => {
  if (state.beside) state.pair = [$("left").value, state.pair[1]];
  else state.model = $("left").value;
  saveSettings();
});
$("right").addEventListener("change", () => { state.pair = [state.pair[0], $("right").value]; saveSettings(); });

function showSide(shown) {
  const was = $("side").classList.contains("shown");
  $("side").classList.toggle("shown", shown);
  $("shade").hidden = !shown;
  $("room").inert = shown;
  $("show-side").setAttribute("aria-expanded", shown);
  if (shown) $("new").focus();
  else if (was) $("show-side").focus();
}
$("show-side").addEventListener("click", () => showSide(true));
$("shade").addEventListener("click", () => showSide(false));
matchMedia("(max-width: 50rem)").addEventListener("change", () => showSide(false));

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if ($("side").classList.contains("shown")) showSide(false);
    else stop();
    return;
  }
  if (/^(TEXTAREA|INPUT|SELECT)$/.test(event.target.tagName)) return;
  const turn = state.here.turns.at(-1);
  const choice = Object.keys(CHOICE_KEYS).find((each) => CHOICE_KEYS[each] === event.key);
  if (choice && turn && !turn.vote && canVote(turn)) { event.preventDefault(); vote(state.here, turn, choice); }
});
addEventListener("pagehide", () => {
  for (const [id, stopper] of state.running) {
    stopper.abort();
    const conversation = state.conversations.get(id);
    if (conversation) save(ended(conversation));
  }
});

readConversations();
state.here = state.conversations.get(sessionStorage.getItem(PREFIX + "here")) || newConversation();
translate();
open(state.here);
$("text").focus();
loadModels();
