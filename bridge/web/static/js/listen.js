// Listening in on a running call: blocks of both sides come over a WebSocket and go into an AudioWorklet.

const TABLE = new Float32Array(256).map((_, code) => {
  const value = ~code & 255; // ITU-T G.711 mu-law
  const size = (((value & 15) << 3) + 132 << ((value & 112) >> 4)) - 132;
  return (value & 128 ? -size : size) / 32768;
});

function decoded(bytes) {
  return Float32Array.from(bytes, (code) => TABLE[code]);
}

function level(samples) {
  let top = 0;
  for (const sample of samples) top = Math.max(top, Math.abs(sample));
  return Math.sqrt(top); // speech is quiet most of the time: a root shows it
}

export class Listening {
  // `tell(state, levels)`: "on", "off", or why not; how loud each side is.
  constructor(call, worklet, tell) {
    this.call = call;
    this.worklet = worklet;
    this.tell = tell;
    this.open = false;
    this.blocks = 0;
  }

  async start(volume) {
    this.open = true;
    this.tell("connecting", null);
    try {
      this.context = await context();
      await this.context.audioWorklet.addModule(this.worklet);
    } catch (error) {
      this.stop(`this browser cannot play it: ${error.message}`);
      return;
    }
    if (!this.open) return;
    this.player = new AudioWorkletNode(this.context, "listen", {numberOfInputs: 0, outputChannelCount: [2]});
    this.gain = this.context.createGain();
    this.gain.gain.value = volume;
    this.player.connect(this.gain).connect(this.context.destination);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/api/v1/calls/${this.call}/audio`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event) => this.take(event.data);
    this.socket.onclose = () => { if (this.open) this.stop(this.blocks ? "off" : "refused"); };
  }

  take(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "listening") this.tell("on", null);
      return;
    }
    const at = new DataView(data).getUint32(0);
    const half = (data.byteLength - 4) / 2;
    const caller = decoded(new Uint8Array(data, 4, half));
    const agent = decoded(new Uint8Array(data, 4 + half, half));
    this.blocks += 1;
    this.tell("", [level(caller), level(agent)]);
    this.player.port.postMessage({at, caller, agent}, [caller.buffer, agent.buffer]);
  }

  volume(value) {
    if (this.gain) this.gain.gain.value = value;
  }

  stop(state = "off") {
    if (!this.open) return;
    this.open = false;
    this.socket?.close();
    this.context?.close();
    this.socket = this.context = this.gain = null;
    this.tell(state, [0, 0]);
  }
}

async function context() {
  let made;
  try {
    made = new AudioContext({sampleRate: 8000});
  } catch {
    made = new AudioContext(); // the worklet resamples
  }
  await made.resume();
  return made;
}
