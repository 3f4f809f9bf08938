// Another sample rate, in a stream: a windowed sinc, looked up in a table. Only where a browser does not give the rate
// that was asked for, and for sounds of another rate than the context's.

const ZEROS = 16; // crossings of zero on each side of the kernel
const FINE = 64; // steps of the table between two samples

export class Resampler {
  constructor(from, to) {
    this.same = from === to;
    this.step = from / to;
    const cut = Math.min(1, to / from) * 0.94; // of half the lower rate: room for the filter to fall
    this.half = Math.ceil(ZEROS / cut);
    this.table = Float32Array.from({length: this.half * FINE + 2}, (_, i) => {
      const x = i / FINE;
      if (x >= this.half) return 0;
      const angle = Math.PI * cut * x;
      return cut * (x ? Math.sin(angle) / angle : 1) * (0.5 + 0.5 * Math.cos((Math.PI * x) / this.half));
    });
    this.reset();
  }

  /** Forget what came before. */
  reset() {
    this.past = new Float32Array(2 * this.half);
    this.at = this.half; // where in `past` and what comes next the next sample is taken
  }

  /** What can be told of the stream so far. */
  feed(input) {
    if (this.same) return input;
    const known = new Float32Array(this.past.length + input.length);
    known.set(this.past);
    known.set(input, this.past.length);
    const end = known.length - this.half;
    const out = new Float32Array(Math.max(0, Math.ceil((end - this.at) / this.step)));
    for (let n = 0; n < out.length; n++, this.at += this.step) {
      const first = Math.floor(this.at) - this.half + 1;
      let sum = 0;
      for (let i = first; i < first + 2 * this.half; i++) {
        const place = Math.abs(this.at - i) * FINE;
        const below = Math.floor(place);
        const low = this.table[below];
        sum += known[i] * (low + (this.table[below + 1] - low) * (place - below));
      }
      out[n] = sum;
    }
    this.at -= input.length;
    this.past = known.slice(input.length);
    return out;
  }
}
