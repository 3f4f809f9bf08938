// A call's page: the player in step with transcript and address, and the events as one scrolls.

const wave = document.getElementById("wave");
const lines = [...document.querySelectorAll(".said li[data-start]")];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let player = null;

const clock = (seconds) => {
  const tenths = Math.max(0, Math.floor(seconds * 10));
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
};

function asked() {
  const found = /(?:^|[#&])t=(\d+(?:\.\d+)?)/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

// ---- the player

function colours() {
  // light-dark() is no colour a canvas knows; an element that wears it does.
  const probe = document.createElement("i");
  document.body.append(probe);
  const real = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const found = {caller: real("--caller"), agent: real("--agent"), cursor: real("--fg"), muted: real("--line-strong")};
  probe.remove();
  return found;
}

const sides = (c) => [
  {waveColor: c.muted, progressColor: c.caller, overlay: false},
  {waveColor: c.muted, progressColor: c.agent, overlay: false},
];

// The turns behind the waveform: one picture, however many there are.
function turns(duration) {
  const svg = document.createElementNS(document.querySelector("svg").namespaceURI, "svg");
  svg.setAttribute("class", "turns");
  svg.setAttribute("viewBox", "0 0 10000 2");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const line of lines) {
    const side = ["who-caller", "who-agent"].findIndex((name) => line.classList.contains(name));
    if (side < 0) continue;
    const rect = document.createElementNS(svg.namespaceURI, "rect");
    const x = 10 * line.dataset.start / duration;
    rect.setAttribute("class", line.className);
    rect.setAttribute("x", x.toFixed(1));
    rect.setAttribute("y", String(side));
    rect.setAttribute("width", Math.max(1, 10 * line.dataset.end / duration - x).toFixed(1));
    rect.setAttribute("height", "1");
    svg.append(rect);
  }
  return svg;
}

async function open() {
  const answer = await fetch(wave.dataset.peaks);
  if (!answer.ok) throw new Error("The recording's outline cannot be had.");
  const drawn = await answer.json();
  const audio = new Audio();
  audio.preload = "metadata";
  audio.src = wave.dataset.recording;
  const duration = drawn.duration_ms / 1000;
  const c = colours();
  const made = window.WaveSurfer.create({
    container: wave,
    media: audio,
    peaks: [drawn.caller.map((p) => p / 100), drawn.agent.map((p) => p / 100)],
    duration,
    height: 64,
    normalize: true,
    cursorColor: c.cursor,
    cursorWidth: 2,
    splitChannels: sides(c),
    cspNonce: wave.dataset.nonce,
  });
  wave.prepend(turns(duration));
  made.on("timeupdate", follow);
  made.on("play", () => playing(true));
  made.on("pause", () => playing(false));
  made.on("interaction", () => address(made.getCurrentTime()));
  audio.addEventListener("error", () => trouble("The recording cannot be played: it is damaged, or gone."));
  const dressed = () => {
    const now = colours();
    made.setOptions({cursorColor: now.cursor, splitChannels: sides(now)});
  };
  document.addEventListener("preference", dressed);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dressed);
  return {audio, duration, made};
}

function trouble(sentence) {
  const place = document.getElementById("player-trouble");
  place.textContent = sentence;
  place.hidden = false;
}

function playing(on) {
  const button = document.getElementById("play");
  button.textContent = on ? "Stop" : "Play";
  button.setAttribute("aria-pressed", String(on));
}

const starts = lines.map((line) => Number(line.dataset.start) / 1000);
let shown = null;

function follow(seconds) {
  document.getElementById("clock").textContent = `${clock(seconds)} / ${clock(player ? player.duration : seconds)}`;
  let index = -1;
  while (index + 1 < starts.length && starts[index + 1] <= seconds + 0.05) index += 1;
  const current = lines[index] || null;
  if (current === shown) return;
  if (shown) shown.removeAttribute("aria-current");
  shown = current;
  if (!current) return;
  current.setAttribute("aria-current", "true");
  const list = current.closest(".said");
  const top = current.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + current.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = top - list.clientHeight / 3;
  }
}

function address(seconds) {
  history.replaceState(null, "", `#t=${seconds.toFixed(1)}`);
}

function seek(seconds, {play = false} = {}) {
  if (!player) return;
  const to = Math.min(Math.max(0, seconds), player.duration);
  player.audio.currentTime = to;
  player.made.setTime(to);
  follow(to);
  if (play) player.made.play();
}

if (wave) {
  open().then((made) => {
    player = made;
    const at = asked();
    follow(0);
    if (at !== null) seek(at);
    wave.dataset.ready = "true";
  }, (error) => trouble(error.message));
  document.getElementById("play").addEventListener("click", () => player && player.made.playPause());
  document.getElementById("rate").addEventListener("change", (event) => player && player.made.setPlaybackRate(Number(event.target.value)));
  document.getElementById("link").addEventListener("click", (event) => {
    if (!player) return;
    address(player.made.getCurrentTime());
    navigator.clipboard.writeText(location.href).then(() => {
      event.target.textContent = "Copied";
      setTimeout(() => { event.target.textContent = "Link to here"; }, 1500);
    });
  });
  for (const button of document.querySelectorAll("[data-skip]")) {
    button.addEventListener("click", () => player && seek(player.made.getCurrentTime() + Number(button.dataset.skip)));
  }
  window.addEventListener("hashchange", () => { if (asked() !== null) seek(asked()); });
}

document.addEventListener("click", (event) => {
  const goes = event.target.closest("[data-at]");
  const line = goes ? null : event.target.closest(".said li[data-start]");
  if (!goes && !line) return;
  if (line && (String(getSelection()) || event.target.closest("a, button, summary"))) return;
  if (goes) event.preventDefault();
  const seconds = Number(goes ? goes.dataset.at : line.dataset.start) / 1000;
  address(seconds);
  seek(seconds);
});

document.addEventListener("keydown", (event) => {
  if (!player || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, button, summary, a, dialog, [contenteditable]")) {
    if (!(event.target.matches(".said a") && event.key.startsWith("Arrow"))) return;
  }
  const here = player.made.getCurrentTime();
  const index = lines.indexOf(shown);
  const moves = {
    " ": () => player.made.playPause(),
    ArrowLeft: () => seek(here - 5),
    ArrowRight: () => seek(here + 5),
    ArrowUp: () => seek(lines[Math.max(0, index - 1)].dataset.start / 1000),
    ArrowDown: () => seek(lines[Math.min(lines.length - 1, index + 1)].dataset.start / 1000),
  };
  if (!moves[event.key] || (event.key.length > 6 && event.key !== "ArrowLeft" && event.key !== "ArrowRight" && !lines.length)) return;
  // Up and down move the page everywhere but in the transcript.
  if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !event.target.closest(".said")) return;
  event.preventDefault();
  moves[event.key]();
});

// ---- events

const events = document.getElementById("events");
const filter = document.getElementById("event-filter");
let loading = null;

async function load(url, {more = null} = {}) {
  if (loading) loading.abort();
  loading = new AbortController();
  try {
    const answer = await fetch(url, {headers: {"hx-request": "true"}, signal: loading.signal});
    if (!answer.ok) throw new Error(String(answer.status));
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (more) {
      events.querySelector("tbody").append(...found.querySelectorAll("tbody > tr"));
      more.replaceWith(found.querySelector(".more"));
    } else events.replaceChildren(...found.childNodes);
    watch();
  } catch (error) {
    if (error.name === "AbortError") return;
    const said = document.createElement("p");
    said.className = "error";
    said.setAttribute("role", "alert");
    said.textContent = "The events cannot be had just now. Try again.";
    events.append(said);
  }
}

const coming = new IntersectionObserver((seen) => {
  for (const entry of seen) {
    if (!entry.isIntersecting) continue;
    coming.unobserve(entry.target);
    const link = entry.target.querySelector("[data-more]");
    if (link) load(link.href, {more: entry.target});
    else if (entry.target === events) load(events.dataset.events);
  }
}, {rootMargin: "400px"});

function watch() {
  const more = events.querySelector(".more");
  if (more && more.querySelector("[data-more]")) coming.observe(more);
}

if (events) {
  coming.observe(events);
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    load(`${events.dataset.events}?${new URLSearchParams(new FormData(filter))}`);
  });
  filter.addEventListener("change", () => filter.requestSubmit());
}
