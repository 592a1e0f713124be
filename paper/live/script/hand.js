// The reader's hand on the world: a pointer that drags the animal, arrow keys that walk it, and keys for the controls.

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Where a pointer is, in the world. */
function pointed(event) {
  const box = canvases.world.getBoundingClientRect(), { world } = page.simulation;
  const view = world.circular ? circleView(box.width, box.height) : boxView(world, box.width, box.height);
  return view.back(event.clientX - box.left, event.clientY - box.top);
}

function hold() {
  if (page.simulation.phase !== "drag") act("hand", []);
  if (page.paused) pause(false);
}

function letGo() {
  page.simulation.wanted = null;
  if (page.simulation.phase === "drag") act("phase", "rest");
}

const held = new Set(); // arrow keys

/** The animal goes where the arrows point, for as long as they are held. */
function steer() {
  const { simulation } = page, { world } = simulation;
  const way = [...held].reduce((sum, key) => sum.map((part, d) => part + KEYS[key][d]), [0, 0]);
  const far = world.circular ? [simulation.animal[0] - way[0] + way[1]] : simulation.animal.map((part, d) => part + 10 * way[d]);
  simulation.wanted = far;
}

function listenToHand() {
  const { world } = canvases;
  world.addEventListener("pointerdown", (event) => {
    world.setPointerCapture(event.pointerId);
    hold();
    page.simulation.wanted = pointed(event);
  });
  world.addEventListener("pointermove", (event) => {
    if (page.simulation.wanted && !held.size) page.simulation.wanted = pointed(event);
  });
  for (const end of ["pointerup", "pointercancel"]) world.addEventListener(end, letGo);
  const shortcuts = { " ": "pause", s: "step", k: "kick", w: "walk", r: "rest" };
  world.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in KEYS) {
      held.add(event.key);
      hold();
      steer();
    } else if (event.key.toLowerCase() in shortcuts) {
      if (!event.repeat) element(shortcuts[event.key.toLowerCase()]).click();
    } else return;
    event.preventDefault();
  });
  world.addEventListener("keyup", (event) => {
    if (!held.delete(event.key)) return;
    if (held.size) steer();
    else letGo();
  });
  world.addEventListener("blur", () => {
    if (held.size) letGo();
    held.clear();
  });
}
