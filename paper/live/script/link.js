// What is on the screen as the words behind # in an address, and back:
//   #network=noisy_biased&seed=3&speed=100&step=1250&do=100!phase!rest_600!gain!4_900!hand!fwCA
// `do` is the simulation's script; a hand's movements are bytes in base64, without the letters that mean something in an address.

const LIMITS = { gain: 8, momentum: 0.95, adaptation: 1 }; // the largest value of each setting; the least is 0
const MOST_STEPS = 1e6;

const addressText = (levels) =>
  btoa(String.fromCharCode(...levels.map((level) => level & 255))).replace(/\+/g, "-").replace(/\//g, "~").replace(/=/g, "");
const movementsOf = (text) => [...new Int8Array(bytesOf(text.replace(/-/g, "+").replace(/~/g, "/")).buffer)];

/** Return the words of what is on the screen. */
function linkOf({ key, seed, speed, simulation }) {
  const told = simulation.script.map(([step, what, value]) =>
    [step, what, what === "hand" ? addressText(value) : value].join("!"));
  const words = { network: key, seed, speed, step: simulation.steps, do: told.join("_") };
  return Object.entries(words).map(([name, value]) => `${name}=${value}`).join("&");
}

/** Return one thing to do, or null for words that mean nothing. */
function actOf(text) {
  const [step, what, value = ""] = text.split("!");
  const at = Number(step);
  if (!/^\d+$/.test(step) || at > MOST_STEPS) return null;
  if (what === "phase") return value in PHASES && value !== "drag" ? [at, what, value] : null;
  if (what === "hand") return [at, what, movementsOf(value)];
  if (what === "kick") return [at, what, ""];
  const number = Number(value);
  return what in LIMITS && value !== "" && number >= 0 && number <= LIMITS[what] ? [at, what, number] : null;
}

/** Return what a link asks for, with what it leaves out or says wrongly as it is without one. */
function readLink(words, defaults) {
  const asked = new URLSearchParams(words.replace(/^#/, ""));
  const whole = (name, most) => {
    const text = asked.get(name) ?? "";
    return /^\d+$/.test(text) && Number(text) <= most ? Number(text) : defaults[name];
  };
  const told = asked.get("do");
  let script = OPENING;
  try {
    if (told !== null) script = told.split("_").filter(Boolean).map(actOf).filter(Boolean).sort((a, b) => a[0] - b[0]);
  } catch {
    script = OPENING; // a hand's movements that are no base64
  }
  const key = asked.get("network");
  return {
    key: defaults.keys.includes(key) ? key : defaults.key,
    seed: whole("seed", 4294967295),
    speed: whole("speed", 100000),
    step: whole("step", MOST_STEPS),
    script,
  };
}
