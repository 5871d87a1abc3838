"use strict";
// The labelling page: shows one item, takes one vote, keeps it until the server has it. Text is only ever text.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const REASONS = ["friendly", "harmless", "natural", "context", "factual"];
const REASON_KEYS = ["Q", "W", "E", "R", "T"];
const SKIPS = ["unsure", "unclear", "broken", "upsetting", "other"];
const MASK = "▢▢▢";
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const DIFF_WORDS = 1500;

// --- what is kept in this browser
const store = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`dajeong-label:${data.set}:${name}`)) ?? otherwise; }
    catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`dajeong-label:${data.set}:${name}`, JSON.stringify(value)); } catch { /* private mode */ }
  },
  drop(name) { localStorage.removeItem(`dajeong-label:${data.set}:${name}`); },
};

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));  // randomUUID is missing on plain http
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const state = {
  language: store.get("language", navigator.language.startsWith("ko") ? "ko" : "en"),
  who: "", key: "", final: false,
  current: null, waiting: [], trail: [], outbox: [], progress: null,
  reasons: new Set(), strength: null, ranks: [], diff: store.get("diff", false),
  revealed: false, sitting: 0, seconds: 0, since: null, failures: 0, asking: false,
};

// --- words
function t(key, values = {}) {
  const words = data.words[key] || [key, key];
  const text = words[state.language === "ko" ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function translate() {
  document.documentElement.lang = state.language;
  document.title = data.title ? `${data.title} · ${t("title")}` : t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
  $("language").lang = state.language === "ko" ? "en" : "ko";
  makeChips();
  makeHelp();
  makeSkips();
  makeExports();
  showProgress();
  render();
}

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const key = (label) => make("kbd", { textContent: label });
const letter = (place) => String.fromCharCode(65 + place);

// --- asking the server
async function ask(path, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  if (state.key) headers.authorization = `Bearer ${state.key}`;
  const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.error?.message || answer.statusText), { status: answer.status });
}

const waits = (problem) => !problem.status || problem.status >= 500 || [401, 403, 408, 429].includes(problem.status);

// --- the outbox: what the server has not confirmed, in order, also after a reload or in another window
let box = "";
function openOutbox() {
  box = sessionStorage.getItem("box") || uuid();
  sessionStorage.setItem("box", box);
  const prefix = `dajeong-label:${data.set}:outbox:`;
  for (const name of Object.keys(localStorage).filter((each) => each.startsWith(prefix)).sort()) {
    state.outbox.push(...JSON.parse(localStorage.getItem(name)));
    if (!name.endsWith(box)) localStorage.removeItem(name);
  }
  saveOutbox();
}

function saveOutbox() {
  if (state.outbox.length) store.set(`outbox:${box}`, state.outbox);
  else store.drop(`outbox:${box}`);
}

function enqueue(path, body) {
  state.outbox.push({ path, body });
  saveOutbox();
  pump();
}

let pumping = false, retry = null;
async function pump() {
  if (pumping) return;
  pumping = true;
  clearTimeout(retry);
  while (state.outbox.length) {
    const { path, body } = state.outbox[0];
    showSaved();
    try {
      const answer = await (await ask(path, { ...body, ...wish(path, body) })).json();
      state.failures = 0;
      state.outbox.shift();
      saveOutbox();
      heard(path, answer);
    } catch (problem) {
      if (waits(problem)) {
        state.failures += 1;
        if (problem.status === 401) askKey(true);
        retry = setTimeout(pump, Math.min(15000, 500 * 2 ** Math.min(state.failures, 5)));
        break;
      }
      state.outbox.shift();
      saveOutbox();
      notice(t("refused", { problem: problem.message }), 8000);
    }
  }
  pumping = false;
  showSaved();
  if (!state.outbox.length && !state.current) fetchItems();
}

// how many items are wanted with the answer, and which are here already
function wish(path, body) {
  if (path !== "/api/votes" || body.annotator !== state.who) return path === "/api/votes" ? { want: 0 } : {};
  const want = state.outbox.length > 1 ? 0 : Math.max(0, 4 - state.waiting.length);
  return { beside: held(), want, disputed: state.final };
}

function held() {
  const here = [state.current, ...state.waiting].filter(Boolean).map((item) => item.id);
  const unsent = state.outbox.filter(({ path }) => path === "/api/votes").map(({ body }) => body.item);
  return [...new Set([...here, ...unsent])].slice(0, 8);
}

function heard(path, answer) {
  if (answer.progress) state.progress = answer.progress;
  if (path === "/api/votes") {
    if (answer.stands === false) notice(t("elsewhere"));
    for (const [judge, ranking] of Object.entries(answer.judged || {})) {
      notice(t("judge-said", { judge, choice: spell("ranked", ranking) }), 5000);
    }
    receive(answer.items);
  }
  showProgress();
}

function receive(items) {
  const here = new Set(held());
  for (const item of items || []) {
    if (!here.has(item.id) && (item.stage === "final") === state.final) state.waiting.push(item);
    here.add(item.id);
  }
  if (!state.current && state.waiting.length) advance();
}

async function fetchItems() {
  if (!state.who || state.asking) return;
  state.asking = true;
  try {
    const wanted = { annotator: state.who, beside: held(), disputed: state.final };
    const answer = await (await ask("/api/items", wanted)).json();
    state.failures = 0;
    state.progress = answer.progress;
    receive(answer.items);
    if (!state.current) showEnd();
    showProgress();
  } catch (problem) {
    if (problem.status === 401) askKey(Boolean(state.key));
    else if (waits(problem)) {
      state.failures += 1;
      retry = setTimeout(fetchItems, Math.min(15000, 500 * 2 ** Math.min(state.failures, 5)));
    } else notice(problem.message, 8000);
  }
  state.asking = false;
  showSaved();
}

// --- who votes
function welcome() {
  for (const id of ["item", "choices", "end", "bar", "who", "to-final"]) $(id).hidden = true;
  $("welcome").hidden = false;
  $("name").value = state.who || store.get("who", "");
  state.who = "";
  $("name").focus();
}

function askKey(wrong) {
  welcome();
  $("key-part").hidden = false;
  $("welcome-problem").textContent = wrong ? t("key-wrong") : "";
  ($("name").value ? $("key") : $("name")).focus();
}

function begin(name) {
  state.who = name.trim().normalize("NFC");
  store.set("who", state.who);
  sessionStorage.setItem("begun", "1");
  $("welcome").hidden = true;
  $("welcome-problem").textContent = "";
  Object.assign(state, { current: null, waiting: [], trail: [] });
  showWho();
  render();
  if (state.outbox.length) pump();  // what is next depends on it
  else fetchItems();
}

$("welcome").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("key").value) {
    state.key = $("key").value.trim();
    sessionStorage.setItem("key", state.key);
  }
  if ($("name").value.trim()) begin($("name").value);
});
$("who").addEventListener("click", welcome);

function showWho() {
  $("who").hidden = !state.who;
  $("who").textContent = state.who;
  $("who").setAttribute("aria-label", t("change-name", { name: state.who }));
}

// --- one item after the other
function advance() {
  state.current = state.waiting.shift() || null;
  clearChoice();
  if (state.current) restoreDraft();
  startClock();
  render();
  if (state.current) scrollTo({ top: 0 });
}

function clearChoice() {
  Object.assign(state, { reasons: new Set(), strength: null, ranks: [], revealed: false });
}

function saveDraft() {
  const { current, reasons, strength, ranks } = state;
  if (current) store.set("draft", { item: current.id, reasons: [...reasons], strength, ranks });
}

function restoreDraft() {
  const draft = store.get("draft", null);
  const item = state.current;
  if (draft && draft.item === item.id) {
    Object.assign(state, { reasons: new Set(draft.reasons), strength: draft.strength, ranks: draft.ranks });
  } else if (item.before) {
    Object.assign(state, { reasons: new Set(item.before.reasons), strength: item.before.strength });
  }
}

function startClock() { state.seconds = 0; state.since = document.hidden ? null : performance.now(); }
function seen() { return state.seconds + (state.since === null ? 0 : (performance.now() - state.since) / 1000); }
document.addEventListener("visibilitychange", () => {
  state.seconds = seen();
  state.since = document.hidden ? null : performance.now();
});

function vote(verdict, ranking = [], skip = "") {
  const item = state.current;
  if (!item) return;
  if (isVeiled() && verdict !== "skip") { notice(t("reveal-first")); return; }
  const id = uuid();
  const given = {
    id, item: item.id, annotator: state.who, stage: item.stage, verdict, ranking, skip_reason: skip,
    seconds: Math.min(86400, Math.round(seen() * 100) / 100),
    strength: verdict === "ranked" ? state.strength : null,
    reasons: REASONS.filter((reason) => state.reasons.has(reason)),
  };
  state.trail.push({ id, item: { ...item, before: { verdict, ranking, reasons: given.reasons, strength: given.strength } } });
  store.set("times", [...store.get("times", []), Math.min(300, given.seconds)].slice(-20));  // a long pause is forgotten
  state.sitting += 1;
  sessionStorage.setItem("sitting", state.sitting);
  store.drop("draft");
  if (state.progress) { state.progress.mine += 1; state.progress.left = Math.max(0, state.progress.left - 1); }
  state.current = null;
  advance();
  enqueue("/api/votes", given);
  showProgress();
}

async function undo() {
  if (!state.who) return;
  const last = state.trail.pop();
  if (last) {
    putBack(last.item);
    enqueue("/api/undo", { id: uuid(), annotator: state.who, vote: last.id });
    return;
  }
  if (state.outbox.length) return;  // what was sent before comes first
  try {
    const answer = await (await ask("/api/undo", { id: uuid(), annotator: state.who })).json();
    if (answer.item) putBack(answer.item);
    else notice(t("nothing-to-undo"));
    state.progress = answer.progress;
    showProgress();
  } catch (problem) { notice(problem.message, 8000); }
}

function putBack(item) {
  if (state.current) state.waiting.unshift(state.current);
  if ((item.stage === "final") !== state.final) switchMode(item.stage === "final", false);
  state.waiting = state.waiting.filter((each) => each.id !== item.id);
  state.waiting.unshift(item);
  state.sitting = Math.max(0, state.sitting - 1);
  if (state.progress) { state.progress.mine = Math.max(0, state.progress.mine - 1); state.progress.left += 1; }
  store.drop("draft");
  advance();
  showProgress();
}

// --- drawing
const isVeiled = () => Boolean(state.current?.blur) && !state.revealed && !sessionStorage.getItem("unveiled");

function render() {
  const item = state.current;
  $("item").hidden = $("choices").hidden = !item;
  if (!item) return;
  $("end").hidden = true;
  $("item").dataset.item = item.id;
  $("item").classList.toggle("veiled", isVeiled());
  $("veil").hidden = !isVeiled();
  $("masked").hidden = !item.masked;
  $("masked").textContent = t("masked", { mask: MASK });
  const said = noteOf(item);
  $("note").hidden = !said;
  $("note").textContent = said;
  $("prompt").replaceChildren(...item.prompt.map(turn));
  drawAnswers(item);
  drawVerdicts(item);
  showChips();
}

function noteOf(item) {
  if (item.before) return t("before", { choice: spell(item.before.verdict, item.before.ranking) });
  if (!item.votes) return state.final ? t("settling") : "";
  const counts = new Map();
  for (const vote of item.votes) {
    const choice = spell(vote.verdict, vote.ranking);
    counts.set(choice, (counts.get(choice) || 0) + 1);
  }
  const votes = [...counts].map(([choice, count]) => t("said-count", { choice, count })).join(" · ");
  return t("final-votes", { votes });
}

function spell(verdict, ranking) {
  if (verdict === "skip") return t("skip");
  if (verdict === "both-bad") return t(state.current?.responses.length > 2 ? "all-bad" : "both-bad");
  if (ranking.length < 2) return t("tie");
  return ranking.map((group) => group.map(letter).join(" = ")).join(" > ");
}

function turn(message) {
  const who = make("b", { textContent: t(`role-${message.role}`) });
  return make("div", { className: `turn ${message.role}` }, who, textOf(message.text));
}

// what would reorder or hide the letters after it is spelled out
function textOf(text, words = null) {
  const paragraph = make("p", { className: "text", dir: "auto" });
  for (const [part, differs] of words || [[text, false]]) {
    let from = 0;
    const into = differs ? make("mark") : paragraph;
    for (const found of part.matchAll(HIDDEN)) {
      const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      into.append(part.slice(from, found.index), make("span", { className: "hidden-sign", textContent: `⟨U+${code}⟩` }));
      from = found.index + found[0].length;
    }
    into.append(part.slice(from));
    if (differs) paragraph.append(into);
  }
  return paragraph;
}

function drawAnswers(item) {
  const isPair = item.responses.length === 2;
  const words = isPair && state.diff ? differences(item.responses[0], item.responses[1]) : [null, null];
  const was = item.before?.verdict === "ranked" ? item.before.ranking[0] : [];
  $("answers").replaceChildren(...item.responses.map((text, place) => {
    const title = make("h3", {}, make("span", { textContent: t("answer", { letter: letter(place) }) }));
    const rank = rankOf(place);
    if (rank) title.append(make("span", { className: "rank", textContent: t("ranked", { place: rank }) }));
    const card = make("section", { className: "answer" }, title, textOf(text, words[place]));
    card.setAttribute("aria-label", t("answer", { letter: letter(place) }));
    card.classList.toggle("was", was.includes(place));
    if (!isPair) {
      const next = make("button", { type: "button" }, key(String(place + 1)), " ",
        rank ? t("ranked", { place: rank }) : t("rank-next", { place: numRanked() + 1 }));
      next.addEventListener("click", () => rankPlace(place));
      card.append(next);
    }
    return card;
  }));
}

function drawVerdicts(item) {
  const isPair = item.responses.length === 2;
  $("rank-hint").hidden = isPair;
  $("diff").hidden = !isPair;
  $("diff").setAttribute("aria-pressed", state.diff);
  $("verdicts").classList.toggle("many", !isPair);
  const tie = choice("↓", t(isPair ? "tie" : "all-tie"), () => vote("tie", [everyPlace()]));
  const bad = choice("0", t(isPair ? "both-bad" : "all-bad"), () => vote("both-bad", [everyPlace()]));
  if (isPair) {
    const [left, right] = [0, 1].map((place) => {
      const label = t("better", { letter: letter(place) });
      const button = choice(place ? "→" : "←", label, () => pick(place));
      button.classList.add("better");
      return button;
    });
    $("verdicts").replaceChildren(left, tie, bad, right);
  } else {
    const save = choice("Enter", t("rank-save"), saveRanking);
    save.disabled = !state.ranks.length;
    save.classList.add("strong");
    $("verdicts").replaceChildren(tie, bad, save);
  }
}

function choice(shortcut, label, act) {
  const button = make("button", { type: "button" }, key(shortcut), " ", label);
  button.addEventListener("click", (event) => { if (event.detail < 2) act(); });  // a double click is one vote
  return button;
}

const everyPlace = () => state.current.responses.map((_, place) => place);
const pick = (place) => vote("ranked", [[place], [1 - place]]);

// --- ranking more than two: groups of places, best first; one marked as the worst
function numRanked() { return state.ranks.filter((group) => !group.worst).flatMap((group) => group.places).length; }
function rankOf(place) {
  let above = 0;
  for (const group of state.ranks) {
    if (group.places.includes(place)) return group.worst ? state.current.responses.length : above + 1;
    above += group.places.length;
  }
  return 0;
}
let ties = false;
function rankPlace(place, worst = false) {
  const isRanked = rankOf(place);
  state.ranks = state.ranks.map((group) => ({ ...group, places: group.places.filter((each) => each !== place) }))
    .filter((group) => group.places.length);
  if (!isRanked || worst) {
    const ranked = state.ranks.filter((group) => !group.worst), last = state.ranks.filter((group) => group.worst);
    if (worst) last.push({ places: [place], worst });
    else if (ties && ranked.length) ranked.at(-1).places.push(place);
    else ranked.push({ places: [place], worst: false });
    state.ranks = [...ranked, ...last];
  }
  ties = false;
  saveDraft();
  render();
}

function saveRanking() {
  if (!state.ranks.length) return;
  const named = state.ranks.flatMap((group) => group.places);
  const rest = everyPlace().filter((place) => !named.includes(place));
  const better = state.ranks.filter((group) => !group.worst).map((group) => group.places);
  const worst = state.ranks.filter((group) => group.worst).flatMap((group) => group.places);
  const ranking = [...better, rest, worst].filter((group) => group.length);
  vote(ranking.length > 1 ? "ranked" : "tie", ranking);
}

// --- words in which two answers differ: what is in no longest common subsequence
function differences(one, other) {
  const [left, right] = [one, other].map((text) => text.match(/\s+|[^\s]+/g) || []);
  if (left.length > DIFF_WORDS || right.length > DIFF_WORDS) return [null, null];
  const width = right.length + 1, length = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      length[i * width + j] = left[i] === right[j] ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const marked = [[], []];
  let i = 0, j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      marked[0].push([left[i++], false]);
      marked[1].push([right[j++], false]);
    } else if (j >= right.length || (i < left.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) {
      marked[0].push([left[i], left[i++].trim() !== ""]);
    } else marked[1].push([right[j], right[j++].trim() !== ""]);
  }
  return marked;
}

// --- reasons and strength
function makeChips() {
  $("reasons").replaceChildren($("reasons").firstElementChild, ...REASONS.map((reason, index) => {
    const chip = make("button", { type: "button", className: "chip" }, key(REASON_KEYS[index]), " ", t(`reason-${reason}`));
    chip.dataset.reason = reason;
    chip.addEventListener("click", () => toggleReason(reason));
    return chip;
  }));
  $("strength").replaceChildren($("strength").firstElementChild, ...[1, 2, 3].map((strength) => {
    const chip = make("button", { type: "button", className: "chip", textContent: t(`strength-${strength}`) });
    chip.dataset.strength = strength;
    chip.addEventListener("click", () => setStrength(state.strength === strength ? null : strength));
    return chip;
  }));
}

function showChips() {
  for (const chip of document.querySelectorAll("[data-reason]")) {
    chip.setAttribute("aria-pressed", state.reasons.has(chip.dataset.reason));
  }
  for (const chip of document.querySelectorAll("[data-strength]")) {
    chip.setAttribute("aria-pressed", Number(chip.dataset.strength) === state.strength);
  }
}

function toggleReason(reason) {
  if (!state.reasons.delete(reason)) state.reasons.add(reason);
  saveDraft();
  showChips();
}

function setStrength(strength) {
  state.strength = strength;
  saveDraft();
  showChips();
}

// --- what has become of it
function showProgress() {
  const progress = state.progress;
  $("progress").textContent = "";
  $("bar").hidden = !progress || !state.who;
  $("to-final").hidden = !state.who || !(progress?.disputed || state.final);
  $("to-final").textContent = state.final ? t("settle-back") : t("settle", { count: progress?.disputed ?? 0 });
  if (!progress || !state.who) return;
  $("bar").value = progress.mine / Math.max(1, progress.mine + progress.left);
  const parts = [t("progress", progress), t("sitting", { count: state.sitting, goal: progress.goal })];
  const times = store.get("times", []);
  if (times.length > 2) {
    const seconds = times.reduce((sum, each) => sum + each, 0) / times.length;
    const shown = { seconds: seconds.toFixed(1), minutes: Math.ceil(seconds * progress.left / 60) };
    parts.push(t("pace", shown));
  }
  $("progress").textContent = parts.join(" · ");
}

function showSaved() {
  const count = state.outbox.length, stuck = state.failures > 0;
  $("saved").classList.toggle("problem", stuck);
  $("saved").textContent = stuck ? t("waiting", { count }) : count ? t("saving", { count }) : t("saved");
  $("saved").dataset.unsent = count;
}

function showEnd() {
  $("item").hidden = $("choices").hidden = true;
  $("end").hidden = false;
  $("end-title").textContent = state.final ? t("final-done") : t("done");
  $("end-text").textContent = state.final ? "" : t("done-text", { name: state.who });
}

let fading = null;
function notice(text, milliseconds = 2500) {
  $("notice").textContent = text;
  $("notice").classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => $("notice").classList.remove("shown"), milliseconds);
}

function switchMode(final, fetching = true) {
  state.final = final;
  state.waiting = [];
  state.current = null;
  if (fetching) { render(); fetchItems(); }
}
$("to-final").addEventListener("click", () => switchMode(!state.final));

// --- dialogs
function open(id) {
  if (!$(id).open) $(id).showModal();
  $(id).querySelector(".close").focus();
}

function makeSkips() {
  $("skip-reasons").replaceChildren(...SKIPS.map((reason, index) => {
    const button = make("button", { type: "button" }, key(String(index + 1)), " ", t(`skip-${reason}`));
    button.addEventListener("click", () => skip(reason));
    return button;
  }));
}

function skip(reason) {
  $("skip-why").close();
  vote("skip", [], reason);
}

function makeHelp() {
  const rows = [
    [["←", "1"], "help-left"], [["→", "2"], "help-right"], [["↓", "3"], "tie"], [["0"], "both-bad"], [["S"], "skip"],
    [["Z"], "undo"], [REASON_KEYS, "help-reasons"], [["+", "−"], "help-strength"], [["D"], "diff"], [["B"], "help-reveal"],
    [["I"], "help-figures"], [["?"], "help-help"],
  ];
  $("keys").replaceChildren(...rows.flatMap(([shortcuts, label]) => [
    make("dt", {}, ...shortcuts.flatMap((each) => [key(each), " "])), make("dd", { textContent: t(label) }),
  ]));
}

async function openFigures() {
  open("figures");
  try { drawFigures((await (await ask("/api/figures")).json()).rows); }
  catch (problem) { notice(problem.message, 8000); }
}

function drawFigures(rows) {
  $("figures-none").hidden = rows.length > 0;
  $("figures-table").hidden = rows.length === 0;
  const number = (value) => (value === null ? "–" : value.toFixed(2));
  $("figures-table").tBodies[0].replaceChildren(...rows.map((row) => {
    const kind = row.task.split("/")[1];
    const cells = [
      row.model === "people" ? t("people") : row.model, t(row.metric) + (kind && kind !== "judge" ? ` (${kind})` : ""),
      number(row.value), row.ci_low === null ? "–" : `${number(row.ci_low)} – ${number(row.ci_high)}`, String(row.n),
    ];
    return make("tr", {}, ...cells.map((text, index) => make("td", { textContent: text, className: index > 1 ? "number" : "" })));
  }));
}

function makeExports() {
  $("exports").replaceChildren(...["preferences", "votes", "csv"].map((form) => {
    const button = make("button", { type: "button", textContent: t(`export-${form}`) });
    button.addEventListener("click", () => download(form));
    return button;
  }));
}

async function download(form) {
  try {
    const answer = await ask(`/api/export?form=${form}`);
    const name = /filename="([\w.]+)"/.exec(answer.headers.get("content-disposition"))[1];
    const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (problem) { notice(problem.message, 8000); }
}

function reveal() {
  if (!isVeiled()) return;
  state.revealed = true;
  if ($("keep-revealed").checked) sessionStorage.setItem("unveiled", "1");
  render();
}

for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
$("show-figures").addEventListener("click", openFigures);
$("show-help").addEventListener("click", () => open("help"));
$("undo").addEventListener("click", undo);
$("skip").addEventListener("click", () => open("skip-why"));
$("diff").addEventListener("click", toggleDiff);
$("reveal").addEventListener("click", reveal);
$("language").addEventListener("click", () => {
  state.language = state.language === "ko" ? "en" : "ko";
  store.set("language", state.language);
  translate();
  showWho();
});

function toggleDiff() {
  state.diff = !state.diff;
  store.set("diff", state.diff);
  render();
}

// --- keys, by the place they have on the keyboard, so that Hangul may stay on
const PLAIN = {
  KeyS: () => open("skip-why"), KeyD: toggleDiff, KeyB: reveal, Digit0: () => vote("both-bad", [everyPlace()]),
  ArrowDown: () => vote("tie", [everyPlace()]), Equal: () => bump(1), Minus: () => bump(-1),
};
const PAIR = { ArrowLeft: () => pick(0), Digit1: () => pick(0), ArrowRight: () => pick(1), Digit2: () => pick(1), Digit3: PLAIN.ArrowDown };
const MANY = {
  Enter: saveRanking, Equal: () => { ties = true; },
  Backspace: () => { const last = state.ranks.at(-1)?.places.at(-1); if (last !== undefined) rankPlace(last); },
};

function bump(by) {
  const next = (state.strength || 0) + by;
  setStrength(next < 1 ? null : Math.min(3, next));
}

function codeOf(event) { return event.code.replace("Numpad", "Digit").replace("DigitAdd", "Equal").replace("DigitSubtract", "Minus").replace("DigitEnter", "Enter"); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  const code = codeOf(event);
  if ($("skip-why").open) {
    const reason = SKIPS[Number(/^Digit(\d)$/.exec(code)?.[1]) - 1];
    if (reason) { event.preventDefault(); skip(reason); }
    return;
  }
  if (document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  const act = action(event, code);
  if (act) { event.preventDefault(); act(); }
});

function action(event, code) {
  if (event.key === "?") return () => open("help");
  if (!state.who) return null;
  if (code === "KeyZ") return undo;
  if (code === "KeyI") return openFigures;
  if (!state.current) return null;
  const reason = REASON_KEYS.indexOf(code.replace("Key", ""));
  if (reason >= 0) return () => toggleReason(REASONS[reason]);
  if (code === "Enter" && event.target.closest("button")) return null;
  if (state.current.responses.length === 2) return PAIR[code] || PLAIN[code];
  const place = Number(/^Digit([1-9])$/.exec(code)?.[1]) - 1;
  if (place < state.current.responses.length && place >= 0) return () => rankPlace(place, event.shiftKey);
  return MANY[code] || PLAIN[code];
}

// --- begin
const link = new URLSearchParams(location.hash.slice(1));
state.key = link.get("key") || sessionStorage.getItem("key") || "";
if (link.get("key")) {
  sessionStorage.setItem("key", state.key);
  link.delete("key");
  history.replaceState(null, "", `#${link}`);
}
state.sitting = Number(sessionStorage.getItem("sitting") || 0);
openOutbox();
translate();
showSaved();
if (link.get("as")) begin(link.get("as"));
else if (sessionStorage.getItem("begun")) begin(store.get("who", ""));
else welcome();
window.addEventListener("online", pump);
window.addEventListener("beforeunload", saveDraft);
