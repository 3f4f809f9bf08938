// A telephone made of a microphone, a loudspeaker and a line. Whatever cannot be had is told by its word: see WHY.

import {Line} from "./line.js";

const SOUND = new URL("./sound.js", import.meta.url);
const RATES = {phone: 8000, wideband: 24000};
const HEARING = {channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true};
const WHY = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none",
  NotReadableError: "busy", AbortError: "busy",
};

/** Something is missing; `why` is the word for it. */
export class Missing extends Error {
  constructor(why, detail = "") {
    super(detail || why);
    this.why = why;
  }
}

/** The microphone. Raises Missing. */
async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new Missing("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({audio: HEARING});
  } catch (error) {
    throw new Missing(WHY[error.name] ?? "busy", error.message);
  }
}

export class Phone {
  constructor(tell) {
    this.tell = tell;
    this.marks = 0;
  }

  /** Call: `wish` says whom. Without `speaks` the caller is silent, and writes. Raises Missing. */
  async call(wish, speaks) {
    if (!window.isSecureContext || !window.AudioWorkletNode) throw new Missing("insecure");
    this.stream = speaks ? await microphone() : null;
    try {
      await this.plug(RATES[wish.sound]);
    } catch (error) {
      this.unplug();
      throw error instanceof Missing ? error : new Missing("sound", error.message);
    }
    this.line = new Line(wish, (what, detail) => this.hear(what, detail));
  }

  /** Connect microphone and loudspeaker at this rate, or at the browser's own where it cannot mix rates. */
  async plug(rate) {
    try {
      await this.wire(new AudioContext({sampleRate: rate, latencyHint: "interactive"}));
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      await this.context?.close();
      await this.wire(new AudioContext({latencyHint: "interactive"}));
    }
  }

  async wire(context) {
    this.context = context;
    await context.audioWorklet.addModule(SOUND);
    this.mouth = new AudioWorkletNode(context, "microphone", {numberOfOutputs: 1});
    this.ear = new AudioWorkletNode(context, "earpiece", {numberOfInputs: 0, outputChannelCount: [1]});
    if (this.stream) context.createMediaStreamSource(this.stream).connect(this.mouth);
    this.mouth.connect(context.destination); // it gives no sound, and is asked for some: so it runs without a source
    this.ear.connect(context.destination);
    this.mouth.port.onmessage = ({data}) => {
      this.line?.speak(data.frame);
      this.tell("spoke", data);
    };
    this.ear.port.onmessage = ({data}) => this.played(data);
    await context.resume();
    const late = (context.baseLatency || 0) + (context.outputLatency || 0);
    this.ear.port.postMessage({late: Math.round(late * context.sampleRate)});
  }

  hear(what, detail) {
    if (what === "clear") this.ear.port.postMessage({clear: true}); // before anything else
    this.tell(what, detail);
    if (what === "sound") this.ear.port.postMessage(detail, [detail.sound.buffer]); // which is its own from now on
    else if (what === "mark") this.ear.port.postMessage({mark: detail.name});
    if (this.line.over || detail.fact === "CallEnded") this.unplug();
  }

  played(message) {
    if (message.mark !== undefined) {
      this.marks += 1;
      this.line?.played(message.mark);
      this.tell("played", message);
    } else if (message.cleared !== undefined) {
      this.tell("silent", message);
    } else {
      this.tell("heard", message);
    }
  }

  mute(silent) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !silent;
  }

  press(digit) { this.line.press(digit); }
  write(text) { this.line.write(text); }

  hangUp() {
    this.line.hangUp();
    if (this.line.over) this.unplug();
  }

  unplug() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.mouth?.port.postMessage({off: true});
    this.ear?.port.postMessage({off: true});
    if (this.context && this.context.state !== "closed") this.context.close();
    this.stream = null;
  }
}
