// /talk: the page around the telephone. It shows what happens and decides nothing.

import {Missing, Phone} from "./talk/phone.js";
import {Transcript} from "./talk/transcript.js";

const $ = (id) => document.getElementById(id);
const SHOWN_EVENTS = 400;
const QUIET = new Set(["WordsSaid", "UsageCounted"]); // too many to read along with
const ENDS = {
  caller_hung_up: "you hung up", agent_hung_up: "the agent hung up", silence: "nobody said anything",
  max_duration: "the call may not last longer", shutdown: "callbridge was stopped", phone_lost: "the line was lost",
  model_failed: "the model could not go on", rejected: "it was refused",
};

let phone = null;
let began = 0; // when the line was there, by performance.now()
let end = null; // the fact that said that the call is over
let tick = 0;
const transcript = new Transcript($("log"), $("now"), $("said"));

/** For whoever watches: the tests, an extension. */
const told = (what, detail = {}) =>
  document.dispatchEvent(new CustomEvent("talk", {detail: {...detail, what, at: performance.now()}}));

// ---- what can be chosen

function wish() {
  const sound = document.querySelector("input[name=sound]:checked").value;
  return {agent: $("agent").value || $("spec").value.trim(), model: $("model").value, sound};
}

function showChoice() {
  const another = "other" in $("agent").selectedOptions[0].dataset;
  $("other").hidden = !another;
  const local = $("model").selectedOptions[0]?.dataset.local === "yes";
  $("badge").textContent = local ? "local engine" : "real model";
  $("badge").className = `chip chip-${local ? "accent" : "good"}`;
  $("engine-hint").hidden = !local;
}

// ---- what the page says

function state(text, tone = "") {
  $("state").textContent = text;
  $("state").className = tone ? `chip chip-${tone}` : "chip";
}

function trouble(why, says = "") {
  const template = document.querySelector(`[data-trouble="${why}"]`);
  const shown = template.content.cloneNode(true);
  if (says) shown.querySelector("p.small").textContent = says[0].toUpperCase() + says.slice(1) + (/[.!?]$/.test(says) ? "" : ".");
  $("trouble").replaceChildren(shown);
  told("trouble", {why});
}

function live(on) {
  $("call").classList.toggle("on", on);
  $("call").querySelector("span").textContent = on ? "Hang up" : "Call";
  for (const choice of document.querySelectorAll("[data-wish]")) choice.disabled = on;
}

function talking(on) {
  for (const element of document.querySelectorAll("[data-key], #write input, #write button, #mute")) element.disabled = !on;
  if (on && !phone.stream) $("mute").disabled = true;
  if (!on) for (const name of ["mic", "ear"]) level(name, 0);
}

function clock() {
  const seconds = Math.floor((performance.now() - began) / 1000);
  $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const spokenAt = {mic: 0, ear: 0};
function level(name, rms) { // -60 .. 0 dB of full scale
  const part = rms > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(rms)) / 60)) : 0;
  $(name).firstElementChild.style.transform = `scaleX(${part.toFixed(3)})`;
  if (rms && performance.now() - spokenAt[name] < 500) return; // who has it read out needs no more
  spokenAt[name] = performance.now();
  $(name).setAttribute("aria-valuenow", String(Math.round(part * 100)));
}

function note(name, detail) {
  const list = $("events");
  const line = document.createElement("li");
  const at = began ? `${((performance.now() - began) / 1000).toFixed(2)} s` : "";
  for (const [tag, text] of [["span", at], ["span", name], ["code", detail]]) {
    line.append(Object.assign(document.createElement(tag), {textContent: text}));
  }
  list.append(line);
  while (list.children.length > SHOWN_EVENTS) list.firstElementChild.remove();
  $("count").textContent = String(list.children.length);
}

// ---- what happens

const HEARD = {
  call(call) {
    began = performance.now();
    tick = setInterval(clock, 500);
    clock();
    state("connected", "good");
    talking(true);
    $("record").href = `/calls/${call.id}`;
    note("call", JSON.stringify(call));
  },
  fact(fact) {
    const {fact: name, call_id: _, ...fields} = fact;
    if (!QUIET.has(name)) note(name, JSON.stringify(fields));
    transcript.take(fact);
    if (name === "PhaseChanged" && fact.phase === "LEAVING") state("saying goodbye", "good");
    if (name === "CallEnded") {
      end = fact;
      transcript.aside(`The call is over: ${ENDS[fact.reason] ?? fact.reason.replaceAll("_", " ")}.`);
      if (fact.reason === "model_failed") trouble("model", fact.error);
      over();
    }
  },
  clear() { note("clear", "stop playing"); },
  silent({cleared}) { note("silent", `${cleared} ms were not played`); },
  spoke({level: rms}) { level("mic", rms); },
  heard({level: rms}) { level("ear", rms); },
  refused({why, sentence}) { trouble(why, sentence); over(); },
  closed({opened}) {
    if (!end) trouble(opened && began ? "gone" : "unreachable");
    over();
  },
};

function over() {
  if (!phone) return;
  phone = null;
  clearInterval(tick);
  state(end ? "call over" : "not connected");
  live(false);
  talking(false);
  transcript.settle();
  $("record").hidden = !began;
}

async function call(speaks = true) {
  $("trouble").replaceChildren();
  $("hello").hidden = true;
  $("record").hidden = true;
  $("events").replaceChildren();
  $("count").textContent = "none yet";
  $("clock").textContent = "";
  transcript.clear();
  began = 0;
  end = null;
  const mine = (phone = new Phone((what, detail) => {
    if (phone !== mine) return;
    told(what, what === "sound" ? {bytes: detail.sound.length} : detail);
    HEARD[what]?.(detail);
  }));
  live(true);
  state(speaks ? "waiting for the microphone" : "calling", "warn");
  try {
    await mine.call(wish(), speaks);
    if (phone !== mine) mine.hangUp(); // hung up meanwhile
    else state("calling", "warn");
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    if (phone === mine) {
      trouble(error.why);
      $("hello").hidden = false;
      over();
    }
  }
}

function hangUp() {
  if (!began) { // nobody is there yet
    const mine = phone;
    over();
    if (mine.line) mine.hangUp();
    return;
  }
  phone.hangUp();
}

function press(digit) {
  if (!began || !phone) return;
  phone.press(digit);
  const button = document.querySelector(`[data-key="${CSS.escape(digit)}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 150);
}

// ---- hands

$("call").addEventListener("click", () => (phone ? hangUp() : call()));
$("mute").addEventListener("click", ({currentTarget: button}) => {
  const silent = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(silent));
  phone?.mute(silent);
});
$("phone").addEventListener("click", ({target}) => {
  if (target.dataset.key) press(target.dataset.key);
});
$("phone").addEventListener("keydown", (event) => { // only while the phone has the focus: letters elsewhere are letters
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (/^[0-9*#]$/.test(event.key)) {
    event.preventDefault();
    press(event.key);
  }
});
$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("words").value.trim();
  if (!text || !phone) return;
  phone.write(text);
  $("words").value = "";
});
$("trouble").addEventListener("click", ({target}) => {
  if (target.dataset.way && !phone) call(target.dataset.way !== "write");
});
for (const choice of document.querySelectorAll("[data-wish]")) choice.addEventListener("change", showChoice);
addEventListener("pagehide", () => phone?.line?.hangUp());

showChoice();
if (!window.isSecureContext) {
  trouble("insecure");
  $("call").disabled = true;
}
