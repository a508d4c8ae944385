// Resampler: sound of a device's rate at the rate of speech recognition, piece by piece, for browsers that capture at no other than the device's.

/** Zero crossings of the kernel to each side. */
const LOBES = 12;
/** Share of the band that passes: what lies above would be folded into it. */
const PASSES = 0.92;

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** A windowed sinc, its phases computed once. */
export class Resampler {
  #phases; // one kernel for each place that an output sample can have between two input samples
  #step; // input samples from one output sample to the next, in parts of a sample
  #half; // length of half a kernel, in input samples
  #kept; // input that is still needed
  #at; // where the next output sample lies in it, in parts of a sample

  /** @param {number} from Hz  @param {number} to Hz */
  constructor(from, to) {
    const common = gcd(from, to);
    const parts = to / common;
    const cutoff = Math.min(1, to / from) * PASSES;
    this.#step = from / common;
    this.#half = Math.ceil(LOBES / cutoff);
    this.#phases = Array.from({ length: parts }, (_, part) => kernel(part / parts, cutoff, this.#half));
    this.#kept = new Float32Array(this.#half);
    this.#at = this.#half * parts;
  }

  /** @param {Float32Array} samples the next input  @returns {Float32Array} the output that is certain by now */
  push(samples) {
    const parts = this.#phases.length;
    const input = new Float32Array(this.#kept.length + samples.length);
    input.set(this.#kept);
    input.set(samples, this.#kept.length);
    const out = [];
    for (; Math.floor(this.#at / parts) + this.#half < input.length; this.#at += this.#step) {
      const whole = Math.floor(this.#at / parts);
      const weights = this.#phases[this.#at % parts];
      let sum = 0;
      for (let index = 0; index < weights.length; index++) sum += weights[index] * input[whole - this.#half + 1 + index];
      out.push(sum);
    }
    const done = Math.max(0, Math.min(input.length, Math.floor(this.#at / parts) - this.#half));
    this.#at -= done * parts;
    this.#kept = input.slice(done);
    return Float32Array.from(out);
  }
}

/** Weights of the input samples from `half - 1` before an output sample to `half` behind, which lies `part` of a sample behind one of them. */
function kernel(part, cutoff, half) {
  const weights = Float32Array.from({ length: 2 * half }, (_, index) => {
    const x = index - half + 1 - part;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
    return Math.abs(x) < half ? sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / half)) : 0;
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
