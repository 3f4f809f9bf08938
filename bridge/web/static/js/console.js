// What every page does in the browser: theme and time (kept in cookies), times in the reader's zone, questions before
// something is done. A page works without it, but for the questions.

const root = document.documentElement;
const YEAR_S = 365 * 24 * 3600;
const NEXT = {theme: {auto: "light", light: "dark", dark: "auto"}, time: {local: "utc", utc: "local"}};
const SHOWN = {auto: "Auto", light: "Light", dark: "Dark", local: "Local", utc: "UTC"};

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=strict`;
  root.dataset[name] = value;
}

// ---- times

const two = (number) => String(number).padStart(2, "0");

function parts(at, utc) {
  return utc
    ? [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
}

function ago(at) {
  const seconds = Math.round((Date.now() - at) / 1000);
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    const count = Math.floor(Math.abs(seconds) / length);
    if (count) return new Intl.RelativeTimeFormat("en", {numeric: "always"}).format(seconds > 0 ? -count : count, unit);
  }
  return "just now";
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function shown(at, shape, utc) {
  const [year, month, date, hour, minute, second] = parts(at, utc);
  const day = `${year}-${two(month)}-${two(date)}`;
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
  if (shape === "ago") return ago(at);
  if (shape === "day") return day;
  const today = parts(new Date(), utc);
  const isToday = today[0] === year && today[1] === month && today[2] === date;
  let text = `${day} ${clock}`;
  if (shape === "clock" || (shape === "short" && isToday)) text = clock;
  else if (shape === "short" && today[0] === year) text = `${MONTHS[month - 1]} ${date}, ${two(hour)}:${two(minute)}`;
  return text + (utc ? " UTC" : "");
}

function showTimes(within) {
  const utc = root.dataset.time === "utc";
  for (const element of within.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (isNaN(at)) continue;
    const text = shown(at, element.dataset.shape, utc);
    if (element.textContent !== text) element.textContent = text;
    element.title = `${shown(at, "full", !utc)}${utc ? " here" : ""}`;
  }
}

// ---- listening

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-preferences]") || !event.submitter) return;
  event.preventDefault();
  const {name, value} = event.submitter;
  remember(name, value);
  event.submitter.value = NEXT[name][value];
  form.querySelector(`[data-shows=${name}]`).textContent = SHOWN[value];
  showTimes(document);
  document.dispatchEvent(new CustomEvent("preference", {detail: {name, value}}));
});

// One question may stand for many rows: the button says what is asked for, and what would come of it.
function ask(dialog, {action, told}) {
  if (action) dialog.querySelector("form").action = action;
  if (told) dialog.querySelector("p").textContent = told;
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const asks = event.target.closest("[data-ask]");
  if (asks) ask(document.getElementById(asks.dataset.ask), asks.dataset);
  const closes = event.target.closest("[data-close]");
  if (closes) closes.closest("dialog").close();
  const copies = event.target.closest("[data-copy], [data-copy-from]");
  if (copies) {
    const text = copies.dataset.copy || document.getElementById(copies.dataset.copyFrom).textContent;
    navigator.clipboard.writeText(text).then(() => {
      const before = copies.textContent;
      copies.textContent = "Copied";
      setTimeout(() => { copies.textContent = before; }, 1500);
    });
  }
  if (event.target.matches("dialog.ask")) event.target.close(); // beside the box
});

// A part of the page, or its stream, was refused: whoever looks is logged in no longer.
for (const name of ["htmx:sse:error", "htmx:response:error"]) {
  document.addEventListener(name, (event) => {
    const status = event.detail?.status ?? event.detail?.ctx?.response?.status;
    if (status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  });
}

let due = false;
new MutationObserver(() => {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; showTimes(document); });
}).observe(document.body, {childList: true, characterData: true, subtree: true});
setInterval(() => showTimes(document), 20000);
showTimes(document);
