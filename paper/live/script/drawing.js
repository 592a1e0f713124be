// Pictures of a simulation. Each function draws on one canvas what it is given; colours come from the style sheet.

const TRAIL = 150; // steps that are seen of a path
const OUTLINE = 0.9; // share of waking within its outline
const MARGIN = 0.09; // around the box, as a share of the picture

/** Return the colours of the page as it is now, light or dark. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "grey", "line", "panel", "awake", "rest"];
  const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...colours, light: style.getPropertyValue("--lightness").trim() };
}

/** Return a canvas's pen in units of the page, with as many points as the screen has, on a clean sheet. */
function sheet(canvas) {
  const ratio = window.devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.lineJoin = pen.lineCap = "round";
  return { pen, width, height };
}

/** Return the colour of a place: its hue is its direction from the middle. */
function colourOf(position, colours, alpha = 1) {
  const angle = position.length === 1 ? position[0] : Math.atan2(position[1], position[0]);
  return `oklch(${colours.light} 0.13 ${((angle * 180) / Math.PI + 360) % 360} / ${alpha})`;
}

/** Return how the box lies in a picture: its scale, and from metres to points of the page. */
function boxView(world, width, height) {
  const [left, right, bottom, top] = world.frame;
  const side = Math.min(width, height) * (1 - 2 * MARGIN), scale = side / Math.max(right - left, top - bottom);
  const x0 = width / 2 - (scale * (left + right)) / 2, y0 = height / 2 + (scale * (bottom + top)) / 2;
  return { scale, x0, y0, at: ([x, y]) => [x0 + scale * x, y0 - scale * y], back: (x, y) => [(x - x0) / scale, (y0 - y) / scale] };
}

/** Return how the circle lies in a picture. */
function circleView(width, height) {
  const radius = Math.min(width, height) * 0.33, [x0, y0] = [width / 2, height / 2];
  const at = ([bearing], share = 1) => [x0 + share * radius * Math.cos(bearing), y0 - share * radius * Math.sin(bearing)];
  return { radius, x0, y0, at, back: (x, y) => [Math.atan2(y0 - y, x - x0)] };
}

/** The world: where the network says it is, how often it has been where, and the outline of waking. */
function drawWorld(canvas, simulation, colours) {
  const { pen, width, height } = sheet(canvas);
  if (simulation.world.circular) drawCircle(pen, circleView(width, height), simulation, colours);
  else drawBox(pen, boxView(simulation.world, width, height), simulation, colours);
}

function drawBox(pen, view, simulation, colours) {
  const { occupancy, waking, asleep, kept, animal, position, world } = simulation;
  const [left, right, bottom, top] = world.frame, tint = asleep ? colours.rest : colours.awake;
  pen.save();
  pen.transform(view.scale, 0, 0, -view.scale, view.x0, view.y0); // from here on in metres, upwards
  shade(pen, occupancy, waking.shares, waking.shares, colours.awake, 0.3);
  shade(pen, occupancy, shares(occupancy.sums), waking.shares, tint, 0.85);
  pen.lineWidth = 2 / view.scale;
  pen.strokeStyle = colours.awake;
  pen.stroke(outline(occupancy, waking.shares, levelOf(waking.shares, OUTLINE)));
  pen.restore();
  drawWalls(pen, [view.at([left, top]), view.at([right, bottom])], colours);
  drawTrail(pen, kept.slice(-TRAIL).map((one) => view.at(one.position)), tint);
  if (!asleep) ring(pen, view.at(animal), 9, colours.ink);
  dot(pen, view.at(position), 6, tint, colours.panel);
}

/** The walls, in the colours of their directions: the key to the colours of the plane. */
function drawWalls(pen, [[left, top], [right, bottom]], colours) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], pieces = 16;
  const middle = [(left + right) / 2, (top + bottom) / 2];
  pen.lineWidth = 4;
  for (let side = 0; side < 4; side++) {
    const [[x, y], [u, v]] = [corners[side], corners[side + 1]];
    for (let i = 0; i < pieces; i++) {
      const along = (share) => [x + (u - x) * share, y + (v - y) * share];
      const [a, b] = [along(i / pieces), along((i + 1) / pieces)];
      pen.strokeStyle = colourOf([(a[0] + b[0]) / 2 - middle[0], middle[1] - (a[1] + b[1]) / 2], colours);
      line(pen, [a, b]);
    }
  }
}

/** Densities on a grid as a tint: the stronger the denser, nearly full at twice the usual density of waking. */
function shade(pen, { columns, rows, left, bottom, size }, densities, waking, tint, strength) {
  const picture = new OffscreenCanvas(columns, rows), brush = picture.getContext("2d");
  const usual = waking.reduce((sum, share) => sum + share * share, 0); // the mean over waking
  brush.fillStyle = tint;
  brush.fillRect(0, 0, columns, rows);
  const image = brush.getImageData(0, 0, columns, rows);
  for (let i = 0; i < densities.length; i++) image.data[4 * i + 3] = 255 * strength * (1 - Math.exp(-densities[i] / usual));
  brush.putImageData(image, 0, 0);
  pen.drawImage(picture, left, bottom, columns * size, rows * size);
}

const outlines = new WeakMap(); // of each grid of waking, by level: found once

/** Return the line where densities on a grid cross a level (marching squares), in metres. */
function outline({ columns, rows, left, bottom, size }, densities, level) {
  const known = outlines.get(densities) ?? new Map();
  outlines.set(densities, known);
  if (known.has(level)) return known.get(level);
  const path = new Path2D(), at = (i, j) => densities[j * columns + i] - level;
  for (let j = 0; j + 1 < rows; j++) {
    for (let i = 0; i + 1 < columns; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], crossings = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [corners[k], corners[(k + 1) % 4]], [p, q] = [at(...a), at(...b)];
        if (p > 0 === q > 0) continue;
        const share = p / (p - q);
        crossings.push([a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share]);
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        for (const [end, draw] of [[crossings[k], "moveTo"], [crossings[k + 1], "lineTo"]]) {
          path[draw](left + (end[0] + 0.5) * size, bottom + (end[1] + 0.5) * size);
        }
      }
    }
  }
  known.set(level, path);
  return path;
}

function drawCircle(pen, view, simulation, colours) {
  const { occupancy, waking, asleep, kept, animal, position } = simulation, tint = asleep ? colours.rest : colours.awake;
  const petals = (densities) => [...densities, densities[0]].map((share, i) =>
    view.at([((i + 0.5) * TAU) / occupancy.cells - Math.PI], 1 + 0.16 * Math.min(2.6, share * occupancy.cells)));
  pen.fillStyle = tint;
  pen.globalAlpha = 0.35;
  pen.beginPath();
  for (const point of petals(shares(occupancy.sums))) pen.lineTo(...point);
  for (let i = occupancy.cells; i >= 0; i--) pen.lineTo(...view.at([((i + 0.5) * TAU) / occupancy.cells - Math.PI]));
  pen.fill();
  pen.globalAlpha = 1;
  pen.lineWidth = 1.4;
  pen.strokeStyle = colours.awake;
  line(pen, petals(waking.shares));
  pen.lineWidth = 4;
  for (let i = 0; i < 72; i++) {
    pen.strokeStyle = colourOf([((i + 0.5) * TAU) / 72], colours);
    line(pen, [view.at([(i * TAU) / 72]), view.at([((i + 1) * TAU) / 72])]);
  }
  const recent = kept.slice(-TRAIL), inwards = (i) => 0.93 - (0.6 * (recent.length - 1 - i)) / TRAIL; // time goes outwards
  drawTrail(pen, recent.map((one, i) => view.at(one.position, inwards(i))), tint, view.radius);
  pen.lineWidth = 2;
  pen.strokeStyle = tint;
  line(pen, [[view.x0, view.y0], view.at(position, 0.93)]);
  if (!asleep) ring(pen, view.at(animal), 9, colours.ink);
  dot(pen, view.at(position), 6, tint, colours.panel);
}

/** The plane of the first two components of waking: its cloud, and where activity is now. */
function drawPlane(canvas, simulation, cloud, colours) {
  const { pen, width, height } = sheet(canvas), reach = 1.05 * cloud.reach;
  const scale = Math.min(width, height) / 2 / reach;
  const at = ([x, y]) => [width / 2 + scale * x, height / 2 - scale * y];
  for (const { plane, position } of cloud.points) {
    pen.fillStyle = colourOf(position, colours, 0.55);
    const [x, y] = at(plane);
    pen.fillRect(x - 1.1, y - 1.1, 2.2, 2.2);
  }
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.clip();
  drawTrail(pen, simulation.kept.slice(-TRAIL).map((one) => at(one.plane)), colours.ink);
  pen.restore();
  const [x, y] = at(simulation.plane), inside = [Math.min(Math.max(x, 8), width - 8), Math.min(Math.max(y, 8), height - 8)];
  dot(pen, inside, 6, simulation.asleep ? colours.rest : colours.awake, colours.panel);
}

/** KL(now ‖ awake) over the time of this phase. */
function drawDivergence(canvas, simulation, colours) {
  const { pen, width, height } = sheet(canvas), { points } = simulation.course, { dt } = simulation.data;
  const last = Math.max(200, simulation.steps - simulation.began), most = Math.max(2, Math.ceil(points[0]?.[1] ?? 0));
  const plot = axes(pen, width, height, colours, {
    x: [0, last * dt], y: [0, most], xTicks: ticks(0, last * dt), yTicks: ticks(0, most), xLabel: "time of this phase [s]",
  });
  pen.strokeStyle = simulation.asleep ? colours.rest : colours.awake;
  pen.lineWidth = 2;
  line(pen, points.map(([step, value]) => plot(step * dt, value)));
}

/** Mean distance by lag, both on logarithmic axes, with the slopes of diffusion and of straight paths. */
function drawDistances(canvas, simulation, colours) {
  const { pen, width, height } = sheet(canvas), means = simulation.distances.means(), log = Math.log10;
  const first = means.length ? means[0][1] : 0.01, low = log(first) - 0.15, high = low + 1.9;
  const tens = [0.001, 0.01, 0.1, 1, 10].filter((n) => log(n) >= low && log(n) <= high);
  const plot = axes(pen, width, height, colours, {
    x: [0, log(LONGEST_LAG)], y: [low, high], xTicks: [1, 2, 8, 32].map((n) => [log(n), n]), yTicks: tens.map((n) => [log(n), n]),
    xLabel: "lag [steps]",
  });
  if (!means.length) return;
  pen.lineWidth = 1;
  pen.strokeStyle = pen.fillStyle = colours.grey;
  for (const [slope, name] of [[0.5, "½"], [1, "1"]]) {
    const ends = [0, Math.min(log(LONGEST_LAG), (high - log(first)) / slope)];
    pen.setLineDash([3, 3]);
    line(pen, ends.map((x) => plot(x, log(first) + slope * x)));
    pen.setLineDash([]);
    const [x, y] = plot(ends[1], log(first) + slope * ends[1]);
    pen.fillText(name, x - 12, Math.max(10, y + (slope < 1 ? -6 : 14)));
  }
  const tint = simulation.asleep ? colours.rest : colours.awake;
  for (const [lag, mean] of means) dot(pen, plot(log(lag), log(mean)), 3, tint, tint);
}

/** Two axes with their ticks and a label; returns the map from numbers to points of the page. */
function axes(pen, width, height, colours, { x, y, xTicks, yTicks, xLabel }) {
  const [left, right, top, bottom] = [34, width - 8, 8, height - 30];
  const plot = (u, v) => [
    left + ((u - x[0]) / (x[1] - x[0])) * (right - left), bottom - ((v - y[0]) / (y[1] - y[0])) * (bottom - top)];
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = colours.grey;
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  line(pen, [[left, top], [left, bottom], [right, bottom]]);
  pen.textAlign = "center";
  for (const [value, name] of xTicks) pen.fillText(name, plot(value, y[0])[0], bottom + 13);
  pen.fillText(xLabel, (left + right) / 2, height - 4);
  pen.textAlign = "right";
  for (const [value, name] of yTicks) pen.fillText(name, left - 5, plot(x[0], value)[1] + 4);
  pen.textAlign = "left";
  return plot;
}

/** Return a few round numbers of a range, each with its text. */
function ticks(low, high) {
  const rough = (high - low) / 3, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * unit >= rough) * unit, found = [];
  for (let n = 0; n * step <= high + 1e-9; n++) found.push([n * step, String(Number((n * step).toPrecision(3)))]);
  return found;
}

function line(pen, points) {
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
}

/** A path whose beginning fades. */
function drawTrail(pen, points, colour, farthest = Infinity) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.8;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (Math.hypot(a[0] - b[0], a[1] - b[1]) > farthest) continue;
    pen.globalAlpha = 0.1 + (0.8 * i) / points.length;
    line(pen, [a, b]);
  }
  pen.globalAlpha = 1;
}

function dot(pen, [x, y], radius, fill, edge) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, TAU);
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = edge;
  pen.stroke();
}

function ring(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, TAU);
  pen.lineWidth = 2;
  pen.strokeStyle = colour;
  pen.stroke();
}
