// One call as it goes on: what is said (from /feed), what runs, and what a person does about it (by the JSON API).
import {Listening} from "./listen.js";

const root = document.getElementById("call");
const base = `/api/v1/calls/${root.dataset.call}`;
const acts = Boolean(root.dataset.acts);
const log = document.getElementById("log");
const byId = (id) => document.getElementById(id);
const partial = new Map(); // words that are still being said, by the model's item
let over = false;
let lastCaller = "";

// ---- what was said

function place(row, turn) {
  byId("nothing").hidden = true;
  const after = turn ? [...log.children].find((other) => Number(other.dataset.turn) > turn) : null;
  const still = log.querySelector(".partial");
  log.insertBefore(row, after || (row.classList.contains("partial") ? null : still));
  if (byId("follow").checked) log.scrollTop = log.scrollHeight;
}

function bubble(kind, who) {
  const row = document.createElement("div");
  row.className = `turn ${kind}`;
  const name = document.createElement("span");
  name.className = "who";
  name.textContent = who;
  const words = document.createElement("span");
  words.className = "said";
  row.append(name, words);
  return row;
}

function add(turn, kind, who, text, rest = "") {
  if (turn && log.querySelector(`[data-turn="${turn}"]`)) return;
  const row = bubble(kind, who);
  if (turn) row.dataset.turn = turn;
  row.querySelector(".said").textContent = text;
  if (rest) {
    const unheard = document.createElement("span");
    unheard.className = "unheard";
    unheard.textContent = ` ${rest}`;
    unheard.title = "generated, and not heard by the caller";
    row.append(unheard);
  }
  place(row, turn);
}

function drop(key) {
  const row = partial.get(key);
  if (row) row.remove();
  partial.delete(key);
}

function words({who, item_id: item, text, final}) {
  const key = `${who}:${item}`;
  if (who === "caller" && final && text === lastCaller) return drop(key);
  if (!text) return;
  if (who === "caller" && item !== "now") drop("caller:now");
  let row = partial.get(key);
  if (!row) {
    row = bubble(`${who} partial`, who === "caller" ? "caller, speaking" : "agent, speaking");
    partial.set(key, row);
    place(row, 0);
  }
  row.querySelector(".said").textContent = text;
  if (byId("follow").checked) log.scrollTop = log.scrollHeight;
}

const told = {
  CallerStarted: () => words({who: "caller", item_id: "now", text: "...", final: false}),
  CallerStopped: () => { if (partial.has("caller:now")) words({who: "caller", item_id: "now", text: "(the words follow)", final: false}); },
  CallerSaid(fact) {
    for (const key of [...partial.keys()]) if (key.startsWith("caller:")) drop(key);
    lastCaller = fact.text;
    add(fact.turn, "caller", "caller", fact.text || "(nothing that could be written down)");
  },
  AgentSaid(fact) {
    drop(`agent:${fact.item_id}`);
    const cut = fact.cut && fact.text.startsWith(fact.heard_text) ? fact.text.slice(fact.heard_text.length).trim() : "";
    const wait = fact.latency_ms >= 0 ? `, after ${fact.latency_ms} ms` : "";
    add(fact.turn, "agent", `agent${wait}${fact.cut ? ", interrupted" : ""}`, fact.cut ? fact.heard_text : fact.text, cut);
  },
  KeysPressed: (fact) => add(fact.turn, "caller", "keys", fact.digits),
  ToolUsed(fact) {
    add(fact.turn, "tool", `${fact.name}${fact.ok ? "" : ", failed"}${fact.note ? `, ${fact.note}` : ""}`, short(fact.output));
    refresh();
  },
  ToolStarted: () => { refresh(); setTimeout(refresh, 400); },
  AgentTookOver(fact) {
    mark(fact, `${fact.agent} goes on`, fact.why);
    byId("speaking").textContent = fact.agent;
    refresh();
  },
  Guarded: (fact) => mark(fact, `guardrail ${fact.name}`, fact.rationale),
  HandingOver: (fact) => mark(fact, "being connected", fact.to),
  TakenBack: (fact) => mark(fact, "nobody took the caller", fact.why),
  Trouble: (fact) => mark(fact, `trouble, ${fact.where}`, fact.message),
  PhaseChanged: (fact) => { byId("phase").textContent = fact.phase.toLowerCase(); },
  CallEnded: (fact) => ended(fact.reason),
  WordsSaid: words,
};

const marks = new Set();
function mark(fact, title, text) {
  const key = JSON.stringify([title, text, fact.at_ms]);
  if (marks.has(key)) return;
  marks.add(key);
  add(0, "told", title, text);
}

function short(text) {
  return text.length > 300 ? `${text.slice(0, 300)} ...` : text;
}

function ended(reason) {
  over = true;
  source.close();
  listening.stop();
  byId("phase").textContent = "ended";
  byId("link").textContent = "over";
  const said = byId("over");
  said.textContent = `The call is over: ${String(reason).replaceAll("_", " ")}. `;
  const more = document.createElement("a");
  more.href = `/calls/${root.dataset.call}`;
  more.textContent = "The call's page";
  said.append(more);
  said.hidden = false;
  for (const needs of document.querySelectorAll("[data-needs-call]")) needs.disabled = true;
  showTools({tools: [], approvals: []});
}

// ---- how it stands

let asking = false;
async function refresh() {
  if (over || asking) return;
  asking = true;
  try {
    const answer = await fetch(`${base}/live`);
    if (answer.status === 404) return;
    if (!answer.ok) throw new Error((await answer.json()).detail || answer.statusText);
    const state = await answer.json();
    for (const fact of state.told) told[fact.fact]?.call(null, fact) ?? null;
    byId("speaking").textContent = state.speaking;
    for (const option of byId("to-agent")?.options || []) option.disabled = option.value === state.speaking;
    byId("phase").textContent = state.phase.toLowerCase();
    showTools(state);
  } finally {
    asking = false;
  }
}

function showTools({tools, approvals}) {
  const panel = byId("tools");
  byId("tools-count").textContent = tools.length;
  const known = new Set(tools.map((tool) => tool.tool_call_id));
  for (const form of panel.querySelectorAll(".tool")) if (!known.has(form.dataset.tool)) form.remove();
  const waiting = [...approvals];
  for (const tool of tools) {
    const place = waiting.findIndex((one) => one.tool === tool.name && same(one.arguments, tool.arguments));
    showTool(panel, tool, place < 0 ? null : waiting.splice(place, 1)[0]);
  }
  const none = panel.querySelector("p");
  none.hidden = tools.length > 0;
}

function same(value, text) {
  try { return JSON.stringify(value) === JSON.stringify(JSON.parse(text || "{}")); } catch { return false; }
}

function showTool(panel, tool, asked) {
  let form = [...panel.querySelectorAll(".tool")].find((one) => one.dataset.tool === tool.tool_call_id);
  if (!form) {
    form = byId("tool-form").content.firstElementChild.cloneNode(true);
    form.dataset.tool = tool.tool_call_id;
    form.querySelector("strong").textContent = tool.name;
    form.querySelector(".arguments").textContent = pretty(tool.arguments);
    form.querySelector(".by-hand").hidden = !acts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      post(`${base}/tools/${encodeURIComponent(tool.tool_call_id)}`, {output: form.elements.output.value}, form);
    });
    form.addEventListener("click", (event) => {
      const answer = event.target.dataset.approve;
      if (answer) post(`/api/v1/approvals/${form.dataset.approval}`, {approve: answer === "yes"}, form);
    });
    panel.append(form);
  }
  form.dataset.approval = asked ? asked.id : "";
  form.querySelector(".yes-no").hidden = !asked || !acts;
  const chip = form.querySelector(".chip");
  chip.textContent = asked ? "waits for a yes" : "runs";
  chip.className = `chip ${asked ? "chip-warn" : "chip-accent"}`;
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 1); } catch { return text; }
}

// ---- what a person does

async function post(url, body, form) {
  wrong("");
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await fetch(url, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)});
    if (!answer.ok) throw new Error((await answer.json()).detail || answer.statusText);
    form.reset();
    return true;
  } catch (error) {
    wrong(`That was not done: ${error.message}.`);
    return false;
  } finally {
    for (const button of form.querySelectorAll("button")) button.disabled = over && "needsCall" in button.dataset;
    refresh();
  }
}

function wrong(sentence) {
  byId("wrong").hidden = !sentence;
  byId("wrong").textContent = sentence;
}

for (const form of document.querySelectorAll("form[data-post]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {};
    for (const field of form.elements) {
      if (field.name) body[field.name] = field.type === "checkbox" ? field.checked : field.value;
    }
    await post(`${base}/${form.dataset.post}`, body, form);
    form.closest("dialog")?.close();
  });
}

// ---- listening in

const listening = new Listening(root.dataset.call, root.dataset.worklet, (state, levels) => {
  const chip = byId("listening");
  if (!chip) return;
  if (state) {
    chip.textContent = state;
    chip.className = `chip ${state === "on" ? "chip-good" : state === "off" ? "" : "chip-warn"}`;
    byId("listen").setAttribute("aria-pressed", String(state === "on"));
    byId("listen").querySelector("span").textContent = state === "on" ? "Stop" : "Listen";
  }
  if (levels) [byId("caller-level").value, byId("agent-level").value] = levels;
});
byId("listen")?.addEventListener("click", () => (listening.open ? listening.stop() : listening.start(byId("volume").value / 100)));
byId("volume")?.addEventListener("input", (event) => listening.volume(event.target.value / 100));

// ---- reading along

const source = new EventSource(`/feed?call=${encodeURIComponent(root.dataset.call)}`);
const link = (text, tone) => { byId("link").textContent = text; byId("link").className = `chip ${tone}`; };
source.addEventListener("Watching", () => { link("live", "chip-good"); refresh(); });
source.addEventListener("error", () => { if (!over) link("trying again", "chip-warn"); });
for (const name of Object.keys(told)) {
  source.addEventListener(name, (event) => told[name](JSON.parse(event.data)));
}

const since = new Date(byId("length").dataset.since);
setInterval(() => {
  if (over) return;
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  byId("length").textContent = hours
    ? `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
    : `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}, 1000);
setInterval(async () => {
  if (over) return;
  const answer = await fetch(`${base}/live`).catch(() => null);
  if (answer && answer.status === 404) {
    const record = await fetch(base).then((found) => found.json()).catch(() => ({}));
    if (!over) ended(record.end_reason || "it ended");
  } else if (answer && answer.ok) {
    showTools(await answer.json());
  }
}, 3000);
