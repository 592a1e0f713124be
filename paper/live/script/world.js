// Where the animal lives and how it moves: the same as reactivation/world: motion.Walk, motion.Turns, and decoding in
// tuning.PlaceCells and tuning.HeadDirectionCells.

const TAU = 2 * Math.PI;
const wrapped = (angle) => angle - TAU * Math.floor((angle + Math.PI) / TAU); // to [−π, π)

/** A box [m]. Its walks turn aside at walls. */
class Box {
  constructor(data) {
    this.circular = false;
    this.dimensions = 2;
    this.unit = "m";
    this.frame = data.frame; // left, right, bottom, top
    this.motion = data.motion;
    this.longest = 4 * data.motion.speedScale * data.dt; // of a step that a reader can ask for
    this.centres = floatsOf(data.centres); // x, y of each output cell
  }

  /** Return the mean centre of output cells. */
  decode(cells) {
    const mean = [0, 0];
    for (const cell of cells) for (let d = 0; d < 2; d++) mean[d] += this.centres[2 * cell + d] / cells.length;
    return mean;
  }

  difference(a, b) {
    return [a[0] - b[0], a[1] - b[1]];
  }

  /** Return where a step leads; a reader's hand does not go through walls. */
  moved(position, change) {
    return [position[0] + change[0], position[1] + change[1]];
  }

  clamped([x, y]) {
    const [left, right, bottom, top] = this.frame;
    return [Math.min(Math.max(x, left), right), Math.min(Math.max(y, bottom), top)];
  }

  /** Return the next change of position of a random walk; `walker` keeps its heading. */
  stroll(position, walker, random, dt) {
    const { turnMean, turnSd, speedScale, borderRegion, borderSlowFactor, anchor, pull } = this.motion;
    walker.heading ??= TAU * random.uniform();
    const [left, right, bottom, top] = this.frame, [x, y] = position;
    const gaps = [right - x, top - y, x - left, y - bottom]; // to the east, north, west and south
    const wall = gaps.indexOf(Math.min(...gaps));
    const angle = wrapped(walker.heading - (wall * Math.PI) / 2);
    const blocked = gaps[wall] < borderRegion && Math.abs(angle) < Math.PI / 2;
    const turn = (random.normal() * turnSd + turnMean) * dt;
    const full = Math.sqrt(2 * random.exponential()) * speedScale * dt; // Rayleigh
    const length = blocked ? full * borderSlowFactor : full;
    const change = [length * Math.cos(walker.heading), length * Math.sin(walker.heading)];
    if (anchor) for (let d = 0; d < 2; d++) change[d] += pull * (anchor[d] - position[d]);
    walker.heading += turn + (blocked ? (angle < 0 ? -1 : 1) * (Math.PI / 2) - angle : 0);
    return change;
  }
}

/** The circle of bearings [rad]. */
class Circle {
  constructor(data) {
    this.circular = true;
    this.dimensions = 1;
    this.unit = "rad";
    this.motion = data.motion;
    this.longest = 3 * data.motion.turnSd * data.dt;
    this.centres = floatsOf(data.centres); // the preferred bearing of each output cell
  }

  /** Return the circular mean of the preferred bearings of output cells. */
  decode(cells) {
    let x = 0, y = 0;
    for (const cell of cells) {
      x += Math.cos(this.centres[cell]);
      y += Math.sin(this.centres[cell]);
    }
    return [Math.atan2(y, x)];
  }

  difference(a, b) {
    return [wrapped(a[0] - b[0])];
  }

  moved(position, change) {
    return [wrapped(position[0] + change[0])];
  }

  clamped(position) {
    return position;
  }

  /** Return the next random turn. */
  stroll(position, walker, random, dt) {
    const turn = random.normal() * this.motion.turnSd + this.motion.turnMean;
    return [(this.motion.biased ? Math.abs(turn) : turn) * dt];
  }
}

const distance = (world, a, b) => Math.hypot(...world.difference(a, b));
