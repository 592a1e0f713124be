// What is measured while the network runs, from decoded positions alone.
//
// KL(now ‖ awake) = Σ q log(q / p) over a grid, q the density of the positions of this phase so far and p that of waking, both
// with the kernel of waking (the matched divergence of analysis/measures/kl.py, summed instead of sampled).

const REACH = 3.5; // standard deviations of a kernel that are drawn
const LAGS = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64]; // steps
const LAGS_OF_SLOPE = 8; // the distance exponent is fitted over lags 1 to 8
const LONGEST_LAG = LAGS[LAGS.length - 1];

/** Density of positions in a plane, with a Gaussian kernel on each. */
class PlaneOccupancy {
  constructor(waking) {
    [this.left, this.bottom] = waking.corner;
    [this.columns, this.rows] = waking.cells;
    this.size = waking.cellSize; // [m]
    this.precision = waking.precision; // of the kernel: xx, xy, yy [1/m²]
    this.reach = Math.ceil((REACH * waking.kernelSd) / this.size); // cells
    this.sums = new Float64Array(this.columns * this.rows);
  }

  add([x, y]) {
    const { columns, rows, size, reach, sums } = this, [xx, xy, yy] = this.precision;
    const column = Math.floor((x - this.left) / size), row = Math.floor((y - this.bottom) / size);
    for (let j = Math.max(0, row - reach); j <= Math.min(rows - 1, row + reach); j++) {
      const dy = this.bottom + (j + 0.5) * size - y;
      for (let i = Math.max(0, column - reach); i <= Math.min(columns - 1, column + reach); i++) {
        const dx = this.left + (i + 0.5) * size - x;
        sums[j * columns + i] += Math.exp(-0.5 * (xx * dx * dx + 2 * xy * dx * dy + yy * dy * dy));
      }
    }
  }
}

/** Density of bearings, with a von Mises kernel on each. */
class CircleOccupancy {
  constructor(waking) {
    this.cells = waking.cells[0];
    this.concentration = waking.precision[0]; // κ of the kernel
    this.sums = new Float64Array(this.cells);
  }

  add([bearing]) {
    const { cells, concentration, sums } = this;
    for (let i = 0; i < cells; i++) {
      const away = ((i + 0.5) * TAU) / cells - Math.PI - bearing;
      sums[i] += Math.exp(concentration * (Math.cos(away) - 1));
    }
  }
}

/** Return densities as shares of the grid's cells: they sum to 1. */
function shares(densities) {
  let total = 0;
  for (const density of densities) total += density;
  return Float64Array.from(densities, (density) => (total ? density / total : 0));
}

/** Return KL(q ‖ p) [nats] of shares. */
function divergence(q, p) {
  let sum = 0;
  for (let i = 0; i < q.length; i++) if (q[i] > 0) sum += q[i] * Math.log(q[i] / p[i]);
  return sum;
}

/** Return the level above which lies a part of all: the outline of the smallest region that holds so much. */
function levelOf(p, part) {
  const sorted = Float64Array.from(p).sort().reverse();
  let sum = 0;
  for (const share of sorted) {
    sum += share;
    if (sum >= part) return share;
  }
  return 0;
}

/** Mean distance between positions by the steps between them. */
class Distances {
  constructor(world) {
    this.world = world;
    this.recent = []; // the latest positions, as a ring
    this.count = 0;
    this.sums = new Float64Array(LAGS.length);
  }

  add(position) {
    for (let k = 0; k < LAGS.length && LAGS[k] <= this.count; k++) {
      this.sums[k] += distance(this.world, position, this.recent[(this.count - LAGS[k]) % LONGEST_LAG]);
    }
    this.recent[this.count++ % LONGEST_LAG] = position;
  }

  /** Return [lag, mean distance] of the lags that were seen often enough to mean something. */
  means() {
    const pairs = LAGS.map((lag, k) => [lag, this.sums[k] / (this.count - lag), this.count - lag]);
    return pairs.filter(([lag, mean, n]) => n >= Math.max(20, lag) && mean > 0).map(([lag, mean]) => [lag, mean]);
  }

  /** Return the slope of log mean distance on log lag; null while there are too few steps, or none moves. */
  exponent() {
    const points = this.means().filter(([lag]) => lag <= LAGS_OF_SLOPE).map((pair) => pair.map(Math.log));
    if (points.length < LAGS_OF_SLOPE) return null;
    const mean = (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
    const [x, y] = [mean(0), mean(1)];
    const up = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
    return up / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
  }
}

/** A quantity over time, in at most so many points: when they are full, every other one goes. */
class Course {
  constructor(most = 400) {
    this.most = most;
    this.every = 10; // steps
    this.points = []; // [step, value]
  }

  add(step, value) {
    this.points.push([step, value]);
    if (this.points.length < this.most) return;
    this.points = this.points.filter((_, i) => i % 2);
    this.every *= 2;
  }
}
