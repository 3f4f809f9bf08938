// Plays blocks of two sides at 8 kHz: the caller a little to the left, the agent a little to the right. It begins when
// 200 ms have come, and again after a pause; more than a second is never waited for.

const RATE = 8000;
const BEGIN = 0.2 * RATE;
const MOST = RATE;

class Listen extends AudioWorkletProcessor {
  constructor() {
    super();
    this.blocks = [];
    this.waiting = 0;
    this.place = 0; // in the first block, in samples of 8 kHz
    this.playing = false;
    this.port.onmessage = ({data}) => {
      this.blocks.push(data);
      this.waiting += data.caller.length;
      while (this.waiting > MOST) this.next();
      if (this.waiting - this.place >= BEGIN) this.playing = true;
    };
  }

  next() {
    this.waiting -= this.blocks.shift().caller.length;
    this.place = 0;
  }

  process(_, [[left, right]]) {
    if (!this.playing) return true;
    const step = RATE / sampleRate;
    for (let n = 0; n < left.length; n += 1) {
      if (!this.blocks.length) {
        this.playing = false;
        break;
      }
      const caller = this.sample("caller");
      const agent = this.sample("agent");
      left[n] = 0.85 * caller + 0.4 * agent;
      right[n] = 0.4 * caller + 0.85 * agent;
      this.place += step;
      const size = this.blocks[0].caller.length;
      if (this.place >= size) {
        const rest = this.place - size;
        this.next();
        this.place = rest;
      }
    }
    return true;
  }

  sample(side) {
    const samples = this.blocks[0][side];
    const at = Math.floor(this.place);
    const here = samples[at];
    const then = at + 1 < samples.length ? samples[at + 1] : this.blocks[1] ? this.blocks[1][side][0] : here;
    return here + (then - here) * (this.place - at);
  }
}

registerProcessor("listen", Listen);
