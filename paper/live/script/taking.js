// What can be taken along: the picture and the numbers of what is on the screen.

function offer(name, blob) {
  const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
  say(`${name} is among your downloads.`);
}

const fileName = (ending) => `${page.key}_seed${page.seed}_step${page.simulation.steps}.${ending}`;

/** The four pictures on one, with what they are of and what can be read from their axes. */
function pictureOf() {
  const sizes = { world: [20, 50, 560, 560], plane: [600, 50, 480, 330], divergence: [600, 410, 235, 200], distances: [845, 410, 235, 200] };
  const picture = Object.assign(document.createElement("canvas"), { width: 2200, height: 1300 }), pen = picture.getContext("2d");
  const colours = palette();
  pen.scale(2, 2);
  pen.fillStyle = colours.panel;
  pen.fillRect(0, 0, 1100, 650);
  for (const [name, [x, y, width, height]] of Object.entries(sizes)) {
    const source = canvases[name], scale = Math.min(width / source.width, height / source.height);
    const [w, h] = [source.width * scale, source.height * scale];
    pen.drawImage(source, x + (width - w) / 2, y + (height - h) / 2, w, h);
  }
  pen.fillStyle = colours.ink;
  pen.font = "12px system-ui, sans-serif";
  const { data, seed, steps, phase, world } = page.simulation;
  const captions = {
    plane: "activity in the plane of waking's first two components", divergence: "KL(now ‖ awake) [nats]",
    distances: `mean distance by lag [${world.unit}]`,
  };
  for (const [name, caption] of Object.entries(captions)) pen.fillText(caption, sizes[name][0], sizes[name][1] - 8);
  pen.font = "600 16px system-ui, sans-serif";
  pen.fillText(`${data.title}, seed ${seed}, step ${steps}: ${PHASES[phase]}`, 20, 30);
  pen.font = "12px system-ui, sans-serif";
  pen.fillText(inWords(), 20, 635);
  return picture;
}

/** The numbers of this phase, or as many as are kept, as a table with commas. */
function numbersOf() {
  const { simulation } = page, { data, world, settings } = simulation, axesNames = world.circular ? ["bearing"] : ["x", "y"];
  const about = [
    `network ${data.run}, seed ${data.seed}, weights ${data.weights} in ${data.starts.bits} bits`, `what was done: ${address()}`,
    `noise gain ${settings.gain}, momentum ${settings.momentum}, adaptation ${settings.adaptation}; ${inWords()}`,
  ];
  const names = ["step", "time [s]", "phase", ...axesNames.map((name) => `decoded ${name} [${world.unit}]`),
    ...axesNames.map((name) => `true ${name} [${world.unit}]`), "component 1", "component 2", "amplitude [waking]"];
  const kept = simulation.kept.filter(({ step }) => step > simulation.began);
  const lines = kept.map(({ step, phase, position, animal, plane, amplitude }) => [
    step, (step * data.dt).toFixed(3), phase, ...position, ...(animal ?? axesNames.map(() => "")), ...plane, amplitude]);
  return [...about.map((words) => `# ${words}`), names.join(","), ...lines.map((cells) => cells.join(","))].join("\n") + "\n";
}
