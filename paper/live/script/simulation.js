// One network from a seed on, step by step, with everything that a reader does to it: what was done, and at which step, is kept,
// so that a link can do it again.

const KICK = 0.5; // norm of a kick, in that of waking
const FAINTEST = 1e-6, LARGEST = 1e6; // amplitudes, in that of waking, beyond which nothing is worth decoding
const KEPT = 20000; // steps that can be exported
const OPENING = [[100, "phase", "rest"]]; // the paper's 100 steps of waking, then rest
const LEVELS = 127; // to which a reader's movements are rounded, either way
const PHASES = { walk: "awake", drag: "awake, held", rest: "at rest" };

class Simulation {
  /**
   * @param {object} data a network as paper/live/networks.py describes it
   * @param {number} seed of all that is drawn
   * @param {Array} script what is to be done: [step, what, value], in order
   * @param {boolean} plain whether to do without WebAssembly
   */
  constructor(data, seed, script = OPENING, plain = false) {
    this.data = data;
    this.seed = seed;
    this.pending = [...script];
    this.done = []; // what has been done so far, likewise
    this.network = new Network(data, plain);
    this.world = new (data.frame ? Box : Circle)(data);
    this.random = Object.fromEntries(["start", "walk", "noise", "kick"].map((name) => [name, new Stream(seed, name)]));
    this.settings = { gain: data.restGain, momentum: 0, adaptation: 0 }; // of rest
    this.steps = 0;
    this.walker = {};
    this.wanted = null; // where the reader's hand is
    this.plane = [0, 0]; // activity in the first two components of waking
    this.waking = { norm: data.waking.norm, shares: shares(floatsOf(data.waking.logDensity).map(Math.exp)) };
    this.axes = floatsOf(data.waking.axes);
    this.mean = floatsOf(data.waking.mean);
    this.kept = [];
    this.start();
    this.begin("walk");
  }

  /** Take one of the starts: the rates that the network's encoder gives for a position. */
  start() {
    const { starts } = this.data, row = Math.floor(this.random.start.uniform() * starts.rows);
    const scale = floatsOf(starts.scales)[row], levels = levelsOf(starts);
    for (let i = 0; i < starts.columns; i++) this.network.rates[i] = scale * levels[row * starts.columns + i];
    const { dimensions } = this.world;
    this.animal = [...floatsOf(this.data.startPositions).subarray(row * dimensions, (row + 1) * dimensions)];
    this.decode();
  }

  /** Begin a phase; what is measured begins anew. */
  begin(phase) {
    this.phase = phase;
    this.began = this.steps;
    this.network.begin();
    this.occupancy = new (this.world.circular ? CircleOccupancy : PlaneOccupancy)(this.data.waking);
    this.distances = new Distances(this.world);
    this.course = new Course();
    if (phase !== "rest") {
      this.animal = this.steps ? this.position : this.animal;
      this.walker = {};
    }
  }

  get asleep() {
    return this.phase === "rest";
  }

  /** Do something now, and keep it: it is part of the link. What was still to come is dropped where a phase begins. */
  act(what, value) {
    if (what === "phase") this.pending = [];
    const last = this.done[this.done.length - 1];
    if (last && last[0] === this.steps && last[1] === what && what in this.settings) this.done.pop(); // a slider that moves
    this.done.push([this.steps, what, value]);
    this.perform(what, value);
  }

  perform(what, value) {
    if (what === "phase") this.begin(value);
    else if (what === "hand") this.take(value);
    else if (what === "kick") this.kick();
    else if (what in this.settings) this.settings[what] = value;
  }

  /** The reader's hand takes the animal: its movements are appended to `movements`, or replayed from there. */
  take(movements) {
    this.begin("drag");
    this.movements = movements;
    this.moved = 0;
  }

  /** Push the rates in a random direction. */
  kick() {
    const { rates, units } = this.network;
    const push = Float64Array.from({ length: units }, () => this.random.kick.normal());
    const scale = (KICK * this.waking.norm) / Math.hypot(...push);
    for (let i = 0; i < units; i++) rates[i] += scale * push[i];
  }

  /** Advance by Δt. */
  step() {
    while (this.pending.length && this.pending[0][0] <= this.steps) {
      const [, what, value] = this.pending.shift();
      this.done.push([this.steps, what, value]);
      this.perform(what, value);
    }
    const { network, data, world } = this;
    const change = this.asleep ? null : this.change();
    for (let d = 0; d < world.dimensions; d++) network.change[d] = change ? change[d] : 0;
    const sigma = this.asleep ? data.sigma * Math.sqrt(this.settings.gain) : data.sigmaAwake;
    const strength = sigma * Math.sqrt(data.dt);
    for (let i = 0; i < network.units; i++) network.noise[i] = this.random.noise.normal();
    network.step(strength, this.asleep ? this.settings.momentum : 0, this.asleep ? this.settings.adaptation : 0);
    if (change) this.animal = world.moved(this.animal, change);
    this.steps++;
    this.decode();
    this.measure();
  }

  /** Return how the animal moves in this step, awake: on its walk, or after the reader's hand. */
  change() {
    if (this.phase === "walk") return this.world.stroll(this.animal, this.walker, this.random.walk, this.data.dt);
    const { longest, dimensions } = this.world;
    if (this.moved >= this.movements.length) this.movements.push(...this.follow());
    const levels = this.movements.slice(this.moved, (this.moved += dimensions));
    return levels.map((level) => (level / LEVELS) * longest);
  }

  /** Return a movement towards the reader's hand, no longer than the animal can go, in whole levels. */
  follow() {
    const { longest, dimensions } = this.world;
    if (!this.wanted) return Array(dimensions).fill(0);
    const way = this.world.difference(this.world.clamped(this.wanted), this.animal);
    const length = Math.hypot(...way), share = length > longest ? longest / length : 1;
    return way.map((part) => Math.round(((part * share) / longest) * LEVELS));
  }

  /** Find the position that the output cells report, and where activity lies in the plane of waking. */
  decode() {
    const { network, mean, axes } = this, { units } = network;
    this.position = this.world.decode(network.mostActive());
    this.amplitude = network.norm() / this.waking.norm;
    this.plane = [0, 1].map((k) => {
      let sum = 0;
      for (let i = 0; i < units; i++) sum += (network.rates[i] - mean[i]) * axes[k * units + i];
      return sum;
    });
  }

  /** Whether activity has died out or grown beyond all bounds. */
  get lost() {
    return !(this.amplitude > FAINTEST && this.amplitude < LARGEST);
  }

  measure() {
    const own = this.steps - this.began; // of this phase
    this.occupancy.add(this.position);
    this.distances.add(this.position);
    if (own % this.course.every === 0) this.course.add(own, this.divergence());
    this.kept.push({
      step: this.steps, phase: this.phase, position: this.position, animal: this.asleep ? null : this.animal,
      plane: this.plane, amplitude: this.amplitude,
    });
    if (this.kept.length > 2 * KEPT) this.kept.splice(0, KEPT);
  }

  /** Return KL(now ‖ awake) [nats] of this phase so far. */
  divergence() {
    return divergence(shares(this.occupancy.sums), this.waking.shares);
  }

  /** Return all that was done and is still to be done, for a link. */
  get script() {
    return [...this.done, ...this.pending];
  }
}
