// Random numbers that a link can bring back: each stream follows from a seed and a name, as in reactivation/streams.py (but
// with other bits). Only exact operations, a logarithm and a root are used, which browsers round alike.

/** One named stream: the generator sfc32 (Doty-Humphrey, PractRand). */
class Stream {
  constructor(seed, name) {
    let hash = 0x811c9dc5 ^ seed; // FNV-1a
    for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    [this.a, this.b, this.c, this.counter] = [hash, seed, 0x9e3779b9, 1];
    this.spare = null;
    for (let i = 0; i < 20; i++) this.uniform(); // until every bit depends on the seed
  }

  /** Return a number on [0, 1). */
  uniform() {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  }

  /** Return a number of N(0, 1): Marsaglia's polar method, which makes them in pairs. */
  normal() {
    if (this.spare !== null) {
      const kept = this.spare;
      this.spare = null;
      return kept;
    }
    let x, y, square;
    do {
      x = 2 * this.uniform() - 1;
      y = 2 * this.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.spare = factor * y;
    return factor * x;
  }

  /** Return a number of the exponential distribution of mean 1. */
  exponential() {
    return -Math.log(1 - this.uniform());
  }
}
