// A trained network: a cell (the drift of its rates), one Euler–Maruyama step, and the readout.
//
// The same as reactivation/network: dynamics.step, cells/vanilla.py, cells/gru.py and modifiers.py. N units, O output cells.

const ACTIVATIONS = { relu: (x) => (x > 0 ? x : 0), tanh: Math.tanh };
const ADAPTATION_TIME = 0.5; // τ_a [s]
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** dr/dt = (−r + φ(W_rec r + W_in Δs − a)) / τ (Eq. A.1). */
class Vanilla {
  constructor(data, arithmetic) {
    this.arithmetic = arithmetic;
    this.recurrent = arithmetic.matrix(data.matrices.recurrent);
    this.sums = arithmetic.array(data.units);
    this.projected = arithmetic.array(data.units);
    this.phi = ACTIVATIONS[data.activation];
    this.tau = data.tau; // [s]
  }

  drift(rates, inhibition, drift) {
    const { sums, projected, phi, tau } = this;
    this.arithmetic.product(this.recurrent, rates, sums);
    for (let i = 0; i < rates.length; i++) drift[i] = (phi(sums[i] + projected[i] - inhibition[i]) - rates[i]) / tau;
  }
}

/** dr/dt = (1 − z) ⊙ (φ(W_r (g ⊙ r) + W_r,in Δs − a) − r) / τ, with gates z and g (Eqs. A.3–A.5). */
class GRU {
  constructor(data, arithmetic) {
    this.arithmetic = arithmetic;
    this.gates = arithmetic.matrix(data.matrices.gates); // W_z above W_g
    this.candidate = arithmetic.matrix(data.matrices.candidate); // W_r
    this.gateSums = arithmetic.array(2 * data.units);
    this.sums = arithmetic.array(data.units);
    this.gated = arithmetic.array(data.units);
    this.projected = arithmetic.array(3 * data.units);
    this.units = data.units;
    this.phi = ACTIVATIONS[data.activation];
    this.tau = data.tau; // [s]
  }

  drift(rates, inhibition, drift) {
    const { gateSums, sums, gated, projected, units: n, phi, tau } = this;
    this.arithmetic.product(this.gates, rates, gateSums);
    for (let i = 0; i < n; i++) gated[i] = sigmoid(gateSums[n + i] + projected[n + i]) * rates[i];
    this.arithmetic.product(this.candidate, gated, sums);
    for (let i = 0; i < n; i++) {
      const z = sigmoid(gateSums[i] + projected[i]);
      drift[i] = ((1 - z) * (phi(sums[i] + projected[2 * n + i] - inhibition[i]) - rates[i])) / tau;
    }
  }
}

const CELLS = { vanilla: Vanilla, gru: GRU };

class Network {
  /**
   * @param {object} data a network as paper/live/networks.py describes it
   * @param {boolean} plain whether to do without WebAssembly
   */
  constructor(data, plain) {
    const numbers = Object.values(data.matrices).map(({ rows, columns }) => padded(rows) * padded(columns));
    const arrays = 16 * padded(data.units) + padded(data.outputs) + 64;
    this.arithmetic = new Arithmetic(numbers.reduce((a, b) => a + b) + arrays, plain);
    this.units = data.units;
    this.dt = data.dt; // [s]
    this.cell = new CELLS[data.cell](data, this.arithmetic);
    this.input = this.arithmetic.matrix(data.matrices.input);
    this.readout = this.arithmetic.matrix(data.matrices.readout);
    this.change = this.arithmetic.array(data.inputs); // Δs [m or rad]
    this.rates = this.arithmetic.array(data.units); // r
    this.drift = this.arithmetic.array(data.units); // [1/s]
    this.fatigue = this.arithmetic.array(data.units); // a, the variable of adaptation
    this.velocity = this.arithmetic.array(data.units); // v, the last change of the rates
    this.outputs = this.arithmetic.array(data.outputs); // o
    this.noise = new Float32Array(data.units); // standard
    this.outputCells = data.outputs;
  }

  /** Forget what adaptation and momentum have added to the state: a phase begins. */
  begin() {
    this.fatigue.fill(0);
    this.velocity.fill(0);
  }

  /**
   * One step (Eqs. 1, 2), r ← r + φΔt + ση + (1 − λ)v, with the input of `change` and the standard noise of `noise`.
   *
   * @param {number} strength σ√Δt of the noise
   * @param {number} momentum 1 − λ, λ the friction
   * @param {number} adaptation b of τ_a da/dt = b r − a
   */
  step(strength, momentum, adaptation) {
    const { rates, drift, fatigue, velocity, noise, dt, units } = this;
    const relaxation = dt / ADAPTATION_TIME;
    this.arithmetic.product(this.input, this.change, this.cell.projected);
    this.cell.drift(rates, fatigue, drift);
    for (let i = 0; i < units; i++) {
      const before = rates[i];
      rates[i] = before + drift[i] * dt + strength * noise[i] + momentum * velocity[i];
      velocity[i] = rates[i] - before;
      fatigue[i] += relaxation * (adaptation * before - fatigue[i]);
    }
  }

  /** o = D r (Eqs. A.2, A.6); returns which three output cells are the most active. */
  mostActive() {
    const { outputs } = this;
    this.arithmetic.product(this.readout, this.rates, outputs);
    let first = -1, second = -1, third = -1;
    for (let i = 0; i < this.outputCells; i++) {
      if (first < 0 || outputs[i] > outputs[first]) [first, second, third] = [i, first, second];
      else if (second < 0 || outputs[i] > outputs[second]) [second, third] = [i, second];
      else if (third < 0 || outputs[i] > outputs[third]) third = i;
    }
    return [first, second, third];
  }

  /** Return the norm of the rates. */
  norm() {
    let squares = 0;
    for (let i = 0; i < this.units; i++) squares += this.rates[i] * this.rates[i];
    return Math.sqrt(squares);
  }
}
