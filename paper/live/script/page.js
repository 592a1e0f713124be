// The page: its state, the loop over frames, what is said in words, and the controls.

const SPEEDS = [1, 5, 10, 25, 50, 100, 200, 500, 1000, 2000, 5000, 10000]; // steps a second
const USUAL_SPEED = 200;
const AT_ONCE = 0.6; // share of a frame's time that steps may take
const FRAME = 1000 / 60; // [ms]
const SAYS_EVERY = 15000; // [ms] how often the state is said aloud while nothing is done
const STILL = 1000; // steps that are made at once where motion is not wanted

const element = (id) => document.getElementById(id);
const networks = JSON.parse(element("networks").textContent);
const canvases = Object.fromEntries(["world", "plane", "divergence", "distances"].map((id) => [id, element(id)]));
const wantsStillness = window.matchMedia("(prefers-reduced-motion: reduce)");

const page = {
  key: networks[0].key, seed: 0, speed: USUAL_SPEED, paused: wantsStillness.matches, simulation: null, cloud: null,
  target: 0, // the step that a link asks for: it is reached as fast as can be
  due: 0, // steps that time asks for and that are not made yet
  measured: USUAL_SPEED, // steps a second, as they are made
  failed: "",
};

/** Begin with a network and a seed; a script does again what was done. */
function restart(script = OPENING, target = 0) {
  const data = networks.find(({ key }) => key === page.key), points = floatsOf(data.waking.cloud);
  const positions = floatsOf(data.waking.cloudPositions), dimensions = positions.length / (points.length / 2);
  page.cloud = { reach: points.reduce((most, value) => Math.max(most, Math.abs(value)), 0), points: [] };
  for (let i = 0; i < points.length / 2; i++) {
    const position = [...positions.subarray(i * dimensions, (i + 1) * dimensions)];
    page.cloud.points.push({ plane: [points[2 * i], points[2 * i + 1]], position });
  }
  page.simulation = new Simulation(data, page.seed, script);
  page.target = target;
  page.due = 0;
  page.failed = "";
  showControls();
  draw();
}

/** Make so many steps, or as many as fit into a time [ms]; returns how many. */
function advance(steps, time = Infinity) {
  const { simulation } = page, end = performance.now() + time;
  let made = 0;
  while (made < steps && !page.failed) {
    simulation.step();
    made++;
    if (simulation.lost) fail();
    if (made % 4 === 0 && performance.now() > end) break;
  }
  return made;
}

function fail() {
  page.failed = page.simulation.amplitude < 1 ? "Activity has died out: nothing is left to decode." :
    "Activity has grown beyond all bounds: nothing in this network holds it.";
  pause(true);
  say(`${page.failed} “Restart” begins anew.`);
}

let last = 0; // when the frame before was shown [ms]

/** One frame: as many steps as time asks for and the machine can make. */
function frame(now) {
  const passed = Math.min(now - last, 250), { simulation } = page, behind = page.target - simulation.steps;
  last = now;
  const budget = FRAME * AT_ONCE;
  if (behind > 0) {
    advance(behind, 3 * budget);
    if (simulation.steps >= page.target || page.failed) say(`Step ${simulation.steps}, as the link has it.`);
    else say(`Going to step ${page.target}: ${simulation.steps} …`);
    show();
  } else if (!page.paused) {
    page.due = Math.min(page.due + (page.speed * passed) / 1000, page.speed); // what cannot be made in a second is given up
    const made = advance(Math.floor(page.due), budget);
    page.due -= made;
    if (passed > 0) page.measured += 0.05 * ((1000 * made) / passed - page.measured);
    if (made) show();
  }
  requestAnimationFrame(frame);
}

function show() {
  draw();
  showNumbers();
}

function draw() {
  const { simulation, cloud } = page, colours = palette();
  drawWorld(canvases.world, simulation, colours);
  drawPlane(canvases.plane, simulation, cloud, colours);
  drawDivergence(canvases.divergence, simulation, colours);
  drawDistances(canvases.distances, simulation, colours);
}

const placeOf = (position, unit) => `${position.map((part) => part.toFixed(2)).join(", ")} ${unit}`;

/** What is on the screen, in words: for those who hear it, and for the description of each picture. */
function inWords() {
  const { simulation } = page, { world } = simulation, exponent = simulation.distances.exponent();
  const own = simulation.steps - simulation.began;
  const measures = own ? `divergence from waking ${simulation.divergence().toFixed(2)} nats, ` : "";
  return `${PHASES[simulation.phase]} for ${(own * simulation.data.dt).toFixed(1)} s; at ${placeOf(simulation.position, world.unit)}; ` +
    `${measures}${exponent === null ? "" : `distance exponent ${exponent.toFixed(2)}, `}amplitude ${simulation.amplitude.toFixed(2)} of waking`;
}

function showNumbers() {
  const { simulation } = page, own = simulation.steps - simulation.began, exponent = simulation.distances.exponent();
  const withUnit = (id, number, unit) => element(id).replaceChildren(number, Object.assign(document.createElement("small"), { textContent: ` ${unit}` }));
  withUnit("time", (own * simulation.data.dt).toFixed(1), "s");
  const slow = !page.paused && page.measured < 0.8 * page.speed;
  element("speed-made").textContent = slow ? `This machine makes ${Math.round(page.measured)} steps/s.` : "";
  withUnit("divergence-now", own ? simulation.divergence().toFixed(2) : "–", "nats");
  withUnit("exponent", exponent === null ? "–" : exponent.toFixed(2), "");
  withUnit("amplitude", simulation.amplitude.toPrecision(3), "× waking");
  const phase = element("phase");
  if (phase.textContent !== PHASES[simulation.phase]) showControls();
}

/** Bring every control to what the simulation has: a link may have changed it. */
function showControls() {
  const { simulation, paused } = page, { settings, phase, data } = simulation;
  element("network").value = page.key;
  element("seed").value = page.seed;
  element("note").textContent = data.note;
  element("phase").textContent = PHASES[phase];
  element("phase").classList.toggle("asleep", simulation.asleep);
  for (const [name, pressed] of [["walk", !simulation.asleep], ["rest", simulation.asleep], ["pause", paused]]) {
    element(name).setAttribute("aria-pressed", String(pressed));
  }
  element("pause").textContent = paused ? "Run" : "Pause";
  for (const name of Object.keys(settings)) {
    element(name).value = settings[name];
    element(`${name}-value`).textContent = name === "gain" ? `${Number(settings[name]).toFixed(1)} × variance` : Number(settings[name]).toFixed(2);
  }
  element("speed").value = SPEEDS.findIndex((speed) => speed >= page.speed);
  const real = page.speed * data.dt;
  element("speed-value").textContent = `${page.speed}/s, ${real === 1 ? "" : `${Number(real.toPrecision(2))} × `}real time`;
  element("speed-made").textContent = "";
  element("unit").textContent = simulation.world.unit;
  const gru = data.cell === "gru";
  element("cell-equation").innerHTML = gru ?
    "Δr = (1 − z) ⊙ (tanh(W<sub>r</sub>(g ⊙ r) + W<sub>r</sub><sup>in</sup>Δs) − r) Δt/τ + ση <small>(A.3–A.5)</small>" :
    "Δr = (−r + ReLU(W<sup>rec</sup>r + W<sup>in</sup>Δs)) Δt/τ + ση <small>(1, 2, A.1)</small>";
  element("legend").textContent = `Dot: decoded ${simulation.world.circular ? "bearing" : "position"}. ` +
    `${simulation.asleep ? "" : "Ring: the animal. "}Tint: where it has been in this phase. ` +
    (simulation.world.circular ? "Line around it: how often it was there awake." : "Outline and blue: where it was awake.");
  describe();
}

/** Say in words what each picture shows. */
function describe() {
  const what = page.simulation.world.circular ? "The circle of bearings" : "The box";
  canvases.world.setAttribute("aria-label", `${what}: ${inWords()}`);
  canvases.plane.setAttribute("aria-label", `Activity in the plane of waking: ${page.simulation.plane.map((x) => x.toFixed(2)).join(", ")}`);
  canvases.divergence.setAttribute("aria-label", `Divergence from waking over time: ${inWords()}`);
  canvases.distances.setAttribute("aria-label", `Mean distance by lag: ${page.simulation.distances.means()
    .map(([lag, mean]) => `${mean.toPrecision(2)} at ${lag}`).join(", ")}`);
}

function say(words) {
  element("said").textContent = words;
}

function pause(paused) {
  page.paused = paused;
  showControls();
}

/** Do something to the simulation, and show it. */
function act(what, value = "") {
  page.target = 0;
  page.simulation.act(what, value);
  showControls();
  show();
}

/** The link to what is on the screen. */
const address = () => `${location.href.split("#")[0]}#${linkOf(page)}`;

function open(words) {
  const defaults = { key: networks[0].key, keys: networks.map(({ key }) => key), seed: 0, speed: USUAL_SPEED, step: 0 };
  const asked = readLink(words, defaults);
  Object.assign(page, { key: asked.key, seed: asked.seed, speed: asked.speed });
  if (asked.step) page.paused = true;
  restart(asked.script, asked.step);
}

function listenToControls() {
  const on = (id, kind, then) => element(id).addEventListener(kind, then);
  for (const { key, title } of networks) element("network").append(new Option(title, key));
  element("speed").max = SPEEDS.length - 1;
  on("network", "change", (event) => {
    page.key = event.target.value;
    restart();
    say(`${page.simulation.data.title}: begun anew.`);
  });
  on("seed", "change", (event) => {
    page.seed = Math.min(Math.max(Math.floor(Number(event.target.value)) || 0, 0), 4294967295);
    restart();
  });
  on("walk", "click", () => act("phase", "walk"));
  on("rest", "click", () => act("phase", "rest"));
  on("kick", "click", () => act("kick"));
  on("pause", "click", () => {
    page.target = 0;
    pause(!page.paused);
  });
  on("step", "click", () => {
    pause(true);
    advance(1);
    show();
  });
  on("again", "click", () => restart());
  for (const name of Object.keys(LIMITS)) on(name, "input", (event) => act(name, Number(event.target.value)));
  for (const mark of document.querySelectorAll("[data-gain]")) {
    mark.addEventListener("click", () => act("gain", Number(mark.dataset.gain)));
  }
  on("speed", "input", (event) => {
    page.speed = SPEEDS[event.target.value];
    showControls();
  });
  on("link", "click", async () => {
    history.replaceState(null, "", address());
    try {
      await navigator.clipboard.writeText(address());
      say("The link is on your clipboard, and in the address.");
    } catch {
      say("The link is in the address.");
    }
  });
  on("picture", "click", () => pictureOf().toBlob((blob) => offer(fileName("png"), blob)));
  on("numbers", "click", () => offer(fileName("csv"), new Blob([numbersOf()], { type: "text/csv" })));
}

function begin() {
  listenToControls();
  listenToHand();
  open(location.hash);
  window.addEventListener("hashchange", () => open(location.hash));
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  setInterval(describe, 2000);
  setInterval(() => !page.paused && document.hasFocus() && say(inWords()), SAYS_EVERY);
  if (wantsStillness.matches && !page.target) {
    advance(STILL);
    say(`${STILL} steps, made at once since you asked for little motion; “Run” goes on.`);
  }
  show();
  requestAnimationFrame(frame);
}

window.live = { page, networks, Arithmetic, Simulation, Stream, plainProduct, textOf, advance, restart, address, pictureOf, numbersOf };
begin();
