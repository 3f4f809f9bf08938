// What was said, as it is said. Turns stand in the order they began in, although they are told when they are known;
// what is still being said stands below, where no screen reader is made to read every word anew.

const SLOW_MS = 1500;
const SO_SO_MS = 900;

function element(tag, cls = "", text = "") {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text) made.textContent = text;
  return made;
}

const seconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

export class Transcript {
  constructor(log, now, frame) {
    this.log = log;
    this.now = now;
    this.frame = frame;
    this.clear();
  }

  clear() {
    this.log.replaceChildren();
    this.settle();
  }

  /** Nothing is being said any more. */
  settle() {
    this.now.replaceChildren();
    this.saying = {};
  }

  take(fact) {
    const atEnd = this.frame.scrollHeight - this.frame.scrollTop - this.frame.clientHeight < 60;
    this[fact.fact]?.(fact);
    if (atEnd) this.frame.scrollTop = this.frame.scrollHeight;
  }

  // ---- facts

  CallerStarted() { this.say("caller", "..."); }
  CallerStopped() { if (this.saying.caller?.text === "...") this.say("caller", "... "); }
  AgentStarted() { if (!this.saying.agent) this.say("agent", "..."); }
  WordsSaid({who, text}) { if (text.trim()) this.say(who, text); }

  CallerSaid({turn, text, start_ms, end_ms}) {
    this.hush("caller");
    const typed = text && start_ms === end_ms;
    const words = text || `(${seconds(Math.max(0, end_ms - start_ms))} of speech, words not known)`;
    this.put(turn, "caller", typed ? "you, in writing" : "you", element("p", text ? "" : "muted", words));
  }

  AgentSaid({turn, text, heard_text, heard_ms, length_ms, latency_ms, cut}) {
    this.hush("agent");
    const words = element("p", "", cut ? heard_text : text);
    const rest = text.slice(heard_text.length);
    if (cut && rest.trim()) words.append(element("s", "", rest));
    if (!text) words.textContent = "(no words were told)";
    const chips = [];
    if (latency_ms >= 0) {
      const tone = latency_ms > SLOW_MS ? "bad" : latency_ms > SO_SO_MS ? "warn" : "good";
      chips.push([`answered in ${seconds(latency_ms)}`, tone]);
    }
    if (cut) chips.push([`interrupted, ${seconds(heard_ms)} of ${seconds(length_ms)} heard`, ""]);
    this.put(turn, "agent", "agent", words, chips);
  }

  KeysPressed({turn, digits}) {
    this.put(turn, "caller", "you, on the keypad", element("p", "mono", digits));
  }

  ToolStarted({name}) { this.say("tool", `${name} ...`); }

  ToolUsed({turn, name, arguments: given, output, ok, start_ms, end_ms}) {
    this.hush("tool");
    const words = element("p", "", `${name}(${given === "{}" ? "" : given}) \u2192 ${output.slice(0, 400)}`);
    this.put(turn, "tool", "tool", words, [[seconds(end_ms - start_ms), ""], ...(ok ? [] : [["failed", "bad"]])]);
  }

  Resumed() { this.aside("That was no word: the agent goes on."); }
  AgentTookOver({agent, why}) { this.aside(`${agent} takes over${why ? `: ${why}` : ""}.`); }
  Guarded({name}) { this.aside(`The guardrail ${name} cut the agent off.`, "bad"); }
  HandingOver({to}) { this.aside(`The agent would connect you to ${to} now.`); }
  TakenBack({why}) { this.aside(`The agent goes on: ${why}.`); }
  Trouble({where, message}) { this.aside(`Trouble with the ${where}: ${message}.`.replace(/\.\.$/, "."), "bad"); }

  // ---- lines

  say(who, text) {
    let line = this.saying[who];
    if (!line) {
      line = this.saying[who] = {turn: element("div", `turn ${who}`), words: element("p")};
      line.turn.append(line.words);
      this.now.append(line.turn);
    }
    line.text = text;
    line.words.textContent = text;
  }

  hush(who) {
    this.saying[who]?.turn.remove();
    delete this.saying[who];
  }

  put(turn, cls, who, words, chips = []) {
    const made = element("div", `turn ${cls}`);
    made.dataset.turn = turn;
    const head = element("div", "who", who);
    for (const [text, tone] of chips) head.append(element("span", tone ? `chip chip-${tone}` : "chip", text));
    made.append(head, words);
    const later = [...this.log.children].find((one) => Number(one.dataset.turn) > turn);
    this.log.insertBefore(made, later ?? null);
  }

  aside(text, tone = "") {
    this.log.append(element("div", tone ? `aside ${tone}` : "aside", text));
  }
}
