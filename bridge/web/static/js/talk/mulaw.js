// G.711 mu-law: what a phone line carries, one byte a sample.

const BIAS = 0x84;
const CLIP = 32635;

/** A sample (-1 .. 1) as its byte. */
export function encode(sample) {
  let value = Math.round(sample * 32768);
  const sign = value < 0 ? 0x80 : 0;
  value = Math.min(Math.abs(value), CLIP) + BIAS;
  const exponent = 24 - Math.clz32(value); // 0 .. 7: the bias is 2 ** 7 and a bit
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 0x0f)) & 0xff;
}

/** Each byte's sample (-1 .. 1). */
export const DECODED = Float32Array.from({length: 256}, (_, byte) => {
  const bits = ~byte & 0xff;
  const size = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 7)) - BIAS;
  return (bits & 0x80 ? -size : size) / 32768;
});
