// Arrays of one network, and the product of a matrix and a vector, which is nearly all that a step takes.
//
// Rows are padded with zeros to a multiple of LANES numbers. A row's product is summed in LANES partial sums, in one order,
// so the WebAssembly product and its plain twin give the same bits.

const LANES = 4;
const padded = (length) => Math.ceil(length / LANES) * LANES;

/** Return base64 text as bytes. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Return base64 text as numbers of single precision. */
function floatsOf(text) {
  return new Float32Array(bytesOf(text).buffer);
}

/** Return the levels of a matrix in rows of 8 or 16 bits. */
function levelsOf({ bits, values }) {
  return new { 8: Int8Array, 16: Int16Array }[bits](bytesOf(values).buffer);
}

/** Return numbers as base64 text of single precision. */
function textOf(floats) {
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

/** out = matrix · vector, in single precision throughout. */
function plainProduct({ values, rows, stride }, vector, out) {
  const single = Math.fround;
  for (let row = 0, k = 0; row < rows; row++) {
    let a = 0, b = 0, c = 0, d = 0;
    for (let j = 0; j < stride; j += LANES, k += LANES) {
      a = single(a + single(values[k] * vector[j]));
      b = single(b + single(values[k + 1] * vector[j + 1]));
      c = single(c + single(values[k + 2] * vector[j + 2]));
      d = single(d + single(values[k + 3] * vector[j + 3]));
    }
    out[row] = single(single(a + b) + single(c + d));
  }
}

/** Return the bytes of a WebAssembly module that imports a memory and exports `product`: four rows at a time. */
function productModule() {
  const I32 = 0x7f, V128 = 0x7b;
  // The function's parameters: three addresses, a number of rows, and the bytes of a row. Then its variables.
  const [matrix, vector, out, rows, width, at, end, second, third, fourth, ...sums] = Array(14).keys();
  const pointers = [matrix, second, third, fourth]; // into the four rows

  const number = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...number(n >> 7)]); // LEB128
  const section = (id, ...content) => [id, ...number(content.length), ...content];
  const text = (word) => [word.length, ...[...word].map((letter) => letter.charCodeAt(0))];

  const get = (local) => [0x20, local];
  const set = (local) => [0x21, local];
  const tee = (local) => [0x22, local]; // sets it, and leaves its value
  const constant = (n) => [0x41, n]; // below 64: one byte
  const add = 0x6a, subtract = 0x6b, less = 0x49, addFloats = 0x92;
  const advance = (local, bytes) => [...get(local), ...constant(bytes), add, ...set(local)];
  const sumOf = (one, other, result) => [...get(one), ...get(other), add, ...set(result)];
  const load = (pointer) => [...get(pointer), 0xfd, 0x00, 4, 0]; // v128.load, aligned to 2^4 bytes
  const multiply = [0xfd, 0xe6, 0x01]; // f32x4.mul
  const addLanes = [0xfd, 0xe4, 0x01]; // f32x4.add
  const lane = (sum, i) => [...get(sum), 0xfd, 0x1f, i]; // f32x4.extract_lane
  const clear = (sum) => [0x43, 0, 0, 0, 0, 0xfd, 0x13, ...set(sum)]; // f32.const 0, f32x4.splat
  const store = (offset) => [0x38, 2, offset]; // f32.store
  const whileTrue = (...body) => [0x03, 0x40, ...body, 0x0d, 0, 0x0b]; // loop, br_if to its beginning, end

  const addProducts = pointers.flatMap((pointer, i) => [
    ...get(sums[i]), ...load(pointer), ...load(at), ...multiply, ...addLanes, ...set(sums[i]), ...advance(pointer, 16),
  ]);
  const storeSums = sums.flatMap((sum, i) => [
    ...get(out), ...lane(sum, 0), ...lane(sum, 1), addFloats, ...lane(sum, 2), ...lane(sum, 3), addFloats, addFloats,
    ...store(4 * i),
  ]);
  const body = whileTrue(
    ...sumOf(matrix, width, second), ...sumOf(second, width, third), ...sumOf(third, width, fourth),
    ...sums.flatMap(clear),
    ...get(vector), ...set(at), ...sumOf(vector, width, end),
    ...whileTrue(...addProducts, ...get(at), ...constant(16), add, ...tee(at), ...get(end), less),
    ...storeSums,
    ...advance(out, 16), ...get(fourth), ...set(matrix),
    ...get(rows), ...constant(LANES), subtract, ...tee(rows),
  );
  const code = [2, 5, I32, 4, V128, ...body, 0x0b]; // two groups of variables: five integers, four vectors
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 5, I32, I32, I32, I32, I32, 0), // one type: five integers, no result
    ...section(2, 1, ...text("page"), ...text("memory"), 2, 0, 0), // import of a memory
    ...section(3, 1, 0), // one function of that type
    ...section(7, 1, ...text("product"), 0, 0), // its export
    ...section(10, 1, ...number(code.length), ...code),
  ]);
}

/** The arrays of one network, in one memory. */
class Arithmetic {
  /**
   * @param {number} floats how many numbers all its arrays hold together, padding included
   * @param {boolean} plain whether to do without WebAssembly, as browsers that lack it do
   */
  constructor(floats, plain = false) {
    const module = productModule();
    this.compiled = !plain && typeof WebAssembly === "object" && WebAssembly.validate(module);
    this.used = 0; // bytes
    if (this.compiled) {
      const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * floats) / 65536) });
      this.buffer = memory.buffer;
      this.routine = new WebAssembly.Instance(new WebAssembly.Module(module), { page: { memory } }).exports.product;
    } else {
      this.buffer = new ArrayBuffer(4 * floats);
    }
  }

  /** Return an array of zeros, padded. */
  array(length) {
    const made = new Float32Array(this.buffer, this.used, padded(length));
    this.used += made.byteLength;
    return made;
  }

  /** Return a matrix whose rows were kept as whole numbers, each row with a scale of its own. */
  matrix(kept) {
    const { rows, columns } = kept, stride = padded(columns), scale = floatsOf(kept.scales), levels = levelsOf(kept);
    const filled = this.array(padded(rows) * stride);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        filled[row * stride + column] = scale[row] * levels[row * columns + column];
      }
    }
    return { values: filled, rows: padded(rows), columns, stride };
  }

  /** out = matrix · vector. */
  product(matrix, vector, out) {
    if (!this.compiled) {
      plainProduct(matrix, vector, out);
      return;
    }
    this.routine(matrix.values.byteOffset, vector.byteOffset, out.byteOffset, matrix.rows, 4 * matrix.stride);
  }
}
