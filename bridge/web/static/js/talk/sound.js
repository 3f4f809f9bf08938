// The phone's microphone and earpiece, on the browser's audio thread.
//
// Microphone: what is heard (or silence, where nothing is connected) as frames of 20 ms, mu-law at 8 kHz.
// Earpiece: plays what it is handed, tells a mark when all before it has left the loudspeaker, and on `clear` drops all
// and tells every mark at once, as Twilio's phones do.

import {DECODED, encode} from "./mulaw.js";
import {Resampler} from "./resample.js";

const RATE = 8000;
const FRAME = 160;
const NOTHING = new Float32Array(128);

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.toPhone = new Resampler(sampleRate, RATE);
    this.frame = new Uint8Array(FRAME);
    this.size = 0;
    this.power = 0;
    this.on = true;
    this.port.onmessage = () => { this.on = false; };
  }

  process([input]) {
    for (const sample of this.toPhone.feed(input[0] ?? NOTHING)) {
      this.frame[this.size++] = encode(sample);
      this.power += sample * sample;
      if (this.size < FRAME) continue;
      this.port.postMessage({frame: this.frame, level: Math.sqrt(this.power / FRAME)}); // a copy goes
      this.size = this.power = 0;
    }
    return this.on;
  }
}

class Earpiece extends AudioWorkletProcessor {
  constructor() {
    super();
    this.from = {};
    this.queue = []; // {sound, at} or {mark}
    this.due = []; // marks whose sound is on its way through the machine: {mark, frame}
    this.late = 0; // that way, in samples
    this.power = this.counted = 0;
    this.on = true;
    this.port.onmessage = ({data}) => this.take(data);
  }

  take(message) {
    if (message.sound) this.queue.push({sound: this.read(message), at: 0});
    else if (message.mark) this.queue.push({mark: message.mark});
    else if (message.clear) this.clear();
    else if ("late" in message) this.late = message.late;
    else if (message.off) this.on = false;
  }

  read({sound, rate}) {
    const samples = new Float32Array(rate === RATE ? sound.length : sound.length >> 1);
    if (rate === RATE) {
      for (let i = 0; i < samples.length; i++) samples[i] = DECODED[sound[i]];
    } else {
      const words = new DataView(sound.buffer, sound.byteOffset, sound.byteLength);
      for (let i = 0; i < samples.length; i++) samples[i] = words.getInt16(2 * i, true) / 32768;
    }
    this.from[rate] ??= new Resampler(rate, sampleRate);
    return this.from[rate].feed(samples);
  }

  clear() {
    const dropped = this.queue.reduce((sum, {sound, at}) => sum + (sound ? sound.length - at : 0), 0);
    const marks = [...this.due, ...this.queue].flatMap(({mark}) => mark ?? []);
    this.queue = [];
    this.due = [];
    for (const resampler of Object.values(this.from)) resampler.reset();
    this.port.postMessage({cleared: Math.round((dropped * 1000) / sampleRate)});
    for (const mark of marks) this.port.postMessage({mark});
  }

  process(_, [[out]]) {
    let filled = 0;
    while (this.queue.length && filled < out.length) {
      const head = this.queue[0];
      if (head.mark === undefined) {
        const part = head.sound.subarray(head.at, head.at + out.length - filled);
        out.set(part, filled);
        filled += part.length;
        head.at += part.length;
        if (head.at < head.sound.length) continue;
      } else {
        this.due.push({mark: head.mark, frame: currentFrame + filled + this.late});
      }
      this.queue.shift();
    }
    while (this.queue.length && this.queue[0].mark !== undefined) { // nothing is left to be played before it
      this.due.push({mark: this.queue.shift().mark, frame: currentFrame + filled + this.late});
    }
    while (this.due.length && this.due[0].frame <= currentFrame + out.length) {
      this.port.postMessage({mark: this.due.shift().mark});
    }
    this.measure(out);
    return this.on;
  }

  measure(out) {
    for (const sample of out) this.power += sample * sample;
    this.counted += out.length;
    if (this.counted < sampleRate / 20) return;
    this.port.postMessage({level: Math.sqrt(this.power / this.counted)});
    this.power = this.counted = 0;
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("earpiece", Earpiece);
