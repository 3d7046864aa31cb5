// A review: one box at a time, decided with keys. The server computes and keeps masks; the page says what to start from
// and which superpixels to add or to take away.

const KEPT = 8; // views whose pictures are kept
let all = null; // what the server sent at the start
let box = null; // the box that is shown
let actions = Promise.resolve(); // one after the other, in the order of the keys
const decided = new Map(); // place -> decision
const kept = new Map(); // address of a view -> promises of its pictures
const visited = [];
const see = { whole: false, hide: false, box: false, hover: -1 };
const own = JSON.parse(sessionStorage.getItem("own") ?? "[]"); // decisions of this tab, the last one last

const per = (share) => `${Math.round(100 * share)} %`;
const colourOf = (label) => all.colours[label] ?? "#808080";

// --- the server ------------------------------------------------------------------------------------------------------

async function ask(path, content) {
  const sent = content && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
  };
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch {
    throw new Error("The server does not answer: it was ended, or the machine sleeps. What is decided is kept; this box was "
      + "not saved. Start boxsup review again and open the address that it prints.");
  }
  const binary = answer.headers.get("Content-Type") === "application/octet-stream";
  if (binary) return unpacked(await answer.arrayBuffer());
  const told = await answer.json().catch(() => ({ error: "the server's answer cannot be read" }));
  if (!answer.ok) throw Object.assign(new Error(told.error), { later: answer.status === 503 });
  return told;
}

function say(text = "") {
  find("#message").textContent = text;
  find("#message").hidden = !text;
}

// --- the pictures of a box -------------------------------------------------------------------------------------------

// A view: the part of the photograph around a box, or all of it, as [x0, y0, x1, y1] in the photograph's pixels.
function viewOf({ corners, box: own, width, height }) {
  if (see.whole) return [0, 0, width, height];
  const both = corners.map((side, index) => (index < 2 ? Math.min(side, own[index]) : Math.max(side, own[index])));
  const [left, top, wide, high] = around(both, width, height);
  return [left, top, left + wide, top + high];
}

function pictures(place, view) {
  const address = `${place}/${view.join("-")}`;
  if (!kept.has(address)) {
    const photo = new Image();
    photo.src = `photo/${address}`;
    kept.set(address, { address, photo: photo.decode().then(() => photo), mask: ask(`mask/${address}`), options: null });
    for (const old of kept.keys()) if (kept.size > KEPT && !old.startsWith(`${box?.place}/`)) kept.delete(old);
  }
  return kept.get(address);
}

function options(shown) {
  shown.options ??= ask(`options/${shown.address}`);
  shown.options.catch(() => (shown.options = null)); // to be asked for again
  return shown.options;
}

// --- going from box to box --------------------------------------------------------------------------------------------

function facts(place) {
  const [image, number, label, x0, y0, x1, y1, width, height, score, flags] = all.boxes[place];
  return { place, image, number, label, corners: [x0, y0, x1, y1], width, height, score, flags };
}

function nextPlace(after) {
  const from = all.order.indexOf(after) + 1;
  const turned = [...all.order.slice(from), ...all.order.slice(0, from)];
  return turned.find((place) => !decided.has(place) && place !== after) ?? null;
}

async function show(place, remember = true) {
  if (remember && box && box.place !== place) visited.push(box.place);
  const known = facts(place);
  const decision = decided.get(place);
  box = {
    ...known, start: decision ? "decided" : "made", added: new Set(), removed: new Set(), class: decision?.class
      ?? all.classes[known.label], box: [...(decision?.box ?? known.corners)], choices: [], superpixels: null, mask: null,
  };
  Object.assign(see, { box: false, hover: -1 });
  history.replaceState(null, "", `#${place}`);
  say();
  write();
  await look(box);
}

// Load the view of a box; what a person has changed stays.
async function look(mine) {
  const view = viewOf(mine);
  mine.view = view;
  const stale = () => box !== mine || mine.view !== view;
  const loading = pictures(mine.place, view);
  try {
    const [photo, mask] = await Promise.all([loading.photo, loading.mask]);
    if (stale()) return;
    const scale = mask.width / (view[2] - view[0]);
    const standing = mask.masks[0] ?? null;
    Object.assign(mine, { photo, wide: mask.width, high: mask.height, standing, scale, origin: view.slice(0, 2) });
    Object.assign(mine, { choices: [], superpixels: null });
    paint();
    document.body.dataset.shown = mine.place;
  } catch (error) {
    if (!stale()) say(error.message);
  }
  choices(mine, loading, stale);
}

async function choices(mine, loading, stale) {
  find("#making").textContent = "Candidates are being made …";
  try {
    const found = await options(loading);
    if (stale()) return;
    Object.assign(mine, { choices: found.masks, superpixels: found.superpixels });
    find("#making").textContent = "";
    paint();
    document.body.dataset.ready = mine.place;
    document.body.dataset.view = mine.view.join("-");
    const next = nextPlace(mine.place);
    if (next !== null) pictures(next, viewOf({ ...facts(next), box: facts(next).corners }));
  } catch (error) {
    if (stale()) return;
    if (error.later) choices(mine, loading, stale);
    else find("#making").textContent = `No candidates: ${error.message}`;
  }
}

function next() {
  const place = nextPlace(box.place);
  if (place === null) say("All boxes are decided.");
  return place === null ? write() : show(place);
}

function back() {
  const place = visited.pop() ?? all.order[all.order.indexOf(box.place) - 1];
  return place === undefined ? null : show(place, false);
}

// --- the mask as it would be -----------------------------------------------------------------------------------------

function base() {
  if (box.start === "rectangle") return new Uint8Array(box.wide * box.high).fill(1);
  if (box.start === "made" && box.choices.length) return box.choices[0];
  if (typeof box.start === "number" && box.choices[box.start]) return box.choices[box.start];
  return box.standing ?? new Uint8Array(box.wide * box.high);
}

const scaledBox = (corners) => corners.map((side, index) => (side - box.origin[index % 2]) * box.scale);

// The corners of the box in whole pixels of the view, which need not hold all of it.
function boxInView() {
  const mosts = [box.wide, box.high];
  return scaledBox(box.box).map((side, index) => Math.max(0, Math.min(mosts[index % 2], Math.round(side))));
}

function current() {
  const mask = Uint8Array.from(base());
  const { superpixels, added, removed, wide, high } = box;
  if (superpixels && (added.size || removed.size)) {
    for (let pixel = 0; pixel < mask.length; pixel += 1) {
      if (added.has(superpixels[pixel])) mask[pixel] = 1;
      if (removed.has(superpixels[pixel])) mask[pixel] = 0;
    }
  }
  const [x0, y0, x1, y1] = boxInView();
  for (let y = 0; y < high; y += 1) {
    if (y < y0 || y >= y1) mask.fill(0, y * wide, (y + 1) * wide);
    else {
      mask.fill(0, y * wide, y * wide + x0);
      mask.fill(0, y * wide + x1, (y + 1) * wide);
    }
  }
  return mask;
}

function toggle(superpixel) {
  const mask = current();
  let [held, count] = [0, 0];
  const [x0, y0, x1, y1] = boxInView();
  for (let y = y0; y < y1; y += 1) {
    for (let pixel = y * box.wide + x0; pixel < y * box.wide + x1; pixel += 1) {
      if (box.superpixels[pixel] === superpixel) [held, count] = [held + mask[pixel], count + 1];
    }
  }
  const [into, from] = 2 * held > count ? [box.removed, box.added] : [box.added, box.removed];
  from.delete(superpixel);
  into.add(superpixel);
  paint();
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function paint() {
  if (!box?.photo) return;
  const crop = [0, 0, box.wide, box.high];
  const stage = find("#stage");
  const fit = Math.min(stage.clientWidth / crop[2], Math.max(240, 0.68 * window.innerHeight) / crop[3]);
  const dense = window.devicePixelRatio || 1;
  const canvas = find("#canvas");
  canvas.style.width = `${Math.round(crop[2] * fit)}px`;
  canvas.style.height = `${Math.round(crop[3] * fit)}px`;
  [canvas.width, canvas.height] = [Math.round(crop[2] * fit * dense), Math.round(crop[3] * fit * dense)];
  const colour = colourOf(all.classes.indexOf(box.class));
  const mask = current();
  const layers = see.hide ? [] : [tinted(mask, box.wide, crop, rgb(colour), 70)];
  if (see.hover >= 0 && box.superpixels) {
    layers.push(tinted(box.superpixels.map((id) => Number(id === see.hover)), box.wide, crop, [255, 255, 255], 70, 0));
  }
  draw(canvas, box.photo, crop, layers, [[scaledBox(box.box), colour]]);
  Object.assign(box, { crop, fit });
  thumbs(colour);
  handles();
  write();
}

function thumbs(colour) {
  const crop = around(scaledBox(box.corners), box.wide, box.high);
  const shown = box.choices.length ? box.choices : [base()];
  const items = shown.map((mask, index) => {
    const scale = Math.min(1, (2 * THUMB) / Math.max(crop[2], crop[3]));
    const canvas = element("canvas", { width: Math.round(crop[2] * scale), height: Math.round(crop[3] * scale) });
    draw(canvas, box.photo, crop, [tinted(mask, box.wide, crop, rgb(colour), 90, 190)], []);
    const start = index ? index : "made";
    const pressed = box.start === start && !box.added.size && !box.removed.size;
    const title = index ? `candidate ${index}` : "the mask that was made";
    const button = element("button",
      { type: "button", "data-option": index, "aria-pressed": String(pressed), title, "aria-label": title },
      canvas, element("kbd", {}, String(index + 1)));
    return element("li", {}, button);
  });
  find("#options").replaceChildren(...items);
}

function handles() {
  const drawing = find("#handles");
  drawing.toggleAttribute("hidden", !see.box);
  if (!see.box) return drawing.replaceChildren();
  const left = find("#canvas").offsetLeft;
  const [x0, y0, x1, y1] = scaledBox(box.box);
  const corners = [[0, 1, x0, y0], [2, 1, x1, y0], [0, 3, x0, y1], [2, 3, x1, y1]];
  return drawing.replaceChildren(...corners.map(([side, other, x, y]) => element("circle", {
    cx: left + (x - box.crop[0]) * box.fit, cy: (y - box.crop[1]) * box.fit, r: 9, "data-sides": `${side} ${other}`,
  })));
}

// What is said in words.
function write() {
  const known = decided.get(box.place);
  const about = [`${box.image}, object ${box.number}`, `score ${box.score.toFixed(2)}`, box.flags,
    all.random.has(box.place) ? "drawn at random, for the estimate" : ""].filter(Boolean).join(" · ");
  const swatch = element("span", { class: "swatch", style: `background: ${colourOf(all.classes.indexOf(box.class))}` });
  find("#about").replaceChildren(swatch, element("strong", {}, box.class), ` ${about}`);
  const words = { mask: "has a mask that you chose", nothing: "nothing is in it", void: "void" };
  const moved = box.box.join() !== (known?.box ?? box.corners).join();
  const changed = box.added.size + box.removed.size || moved || box.start !== (known ? "decided" : "made");
  find("#state").textContent = [known ? `Decided: ${words[known.verdict]}.` : "Not decided yet.",
    changed ? "Changed, not saved: Enter takes it." : ""].join(" ");
  find("#class").value = box.class;
  document.querySelectorAll("[data-side]").forEach((input) => (input.value = box.box[Number(input.dataset.side)]));
  for (const name of ["whole", "hide", "box"]) find(`[data-do=${name}]`).setAttribute("aria-pressed", String(see[name]));
}

function heed({ events, decided: news, estimate }) {
  all.events = events;
  for (const [place, decision] of Object.entries(news)) {
    decided.delete(Number(place)); // so that the last one comes last
    if (decision) decided.set(Number(place), decision);
    for (const address of kept.keys()) if (address.startsWith(`${place}/`)) kept.delete(address); // another mask
  }
  const count = all.boxes.length;
  find("#progress").textContent = `${decided.size.toLocaleString("en")} of ${count.toLocaleString("en")} boxes decided`;
  find("#bar").value = decided.size / count;
  find("#count").textContent = decided.size;
  const listed = [...decided].slice(-100).reverse().map(([place, { verdict }]) => element("li", {},
    element("button", { type: "button", "data-place": place }, `${all.boxes[place][0]}, object ${all.boxes[place][1]}: ${verdict}`)));
  find("#decided").replaceChildren(...listed);
  think(estimate);
}

function think({ missing, rest, share, low, high, all: whole, stop, more }) {
  const text = find("#estimate");
  text.classList.toggle("stop", Boolean(stop) || !rest);
  if (!rest) text.textContent = "Every box is decided.";
  else if (missing) {
    text.textContent = `After ${missing} more decisions this page says what share of the other masks is right.`;
  } else {
    const known = `Of the ${rest.toLocaleString("en")} masks that nobody looked at, about ${per(share)} are right `
      + `(IoU ${all.right} or more), with 90 % certainty ${per(low)} to ${per(high)}.`;
    const hint = stop
      ? ` You can stop: with those that you decided on, at least ${per(whole[1])} of all are right.`
      : ` With those that you decided on, it is ${per(whole[0])} of all; about ${more.toLocaleString("en")} more for ${per(all.target)}.`;
    text.textContent = known + hint;
  }
}

// --- deciding --------------------------------------------------------------------------------------------------------

async function decide(verdict, start = box.start, edited = true) {
  if (typeof start === "number" && !box.choices.length) return say("One moment: this candidate is not drawn yet.");
  const wish = {
    number: `${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`, place: box.place, verdict,
    start, added: edited ? [...box.added] : [], removed: edited ? [...box.removed] : [], class: box.class, box: box.box,
    events: all.events,
  };
  heed(await ask("decide", wish));
  own.push(wish.number);
  sessionStorage.setItem("own", JSON.stringify(own.slice(-1000)));
  await next();
}

async function undo() {
  const number = own.pop() ?? null;
  const told = await ask("undo", { number, events: all.events });
  sessionStorage.setItem("own", JSON.stringify(own));
  heed(told);
  if (told.place !== null) await show(told.place);
  else say("There is nothing to undo.");
}

function choose(index) {
  if (index && index >= box.choices.length) {
    say(box.choices.length ? "There is no such candidate." : "The candidates are still being made.");
    return null;
  }
  return decide("mask", index ? index : "made", false);
}

function change(index) {
  Object.assign(box, { start: index ? index : "made", added: new Set(), removed: new Set() });
  paint();
}

function switched(name) {
  see[name] = !see[name];
  paint();
}

// The whole photograph, or what is around the box.
function zoom() {
  see.whole = !see.whole;
  write();
  return look(box);
}

// Look again if the box has been drawn beyond its view.
function widen() {
  const [left, top, right, bottom] = box.view;
  const [x0, y0, x1, y1] = box.box;
  return x0 < left || y0 < top || x1 > right || y1 > bottom ? look(box) : null;
}

const todo = {
  take: () => decide("mask"),
  rectangle: () => decide("mask", "rectangle", false),
  nothing: () => decide("nothing"),
  void: () => decide("void"),
  next, back, undo,
  reset: () => show(box.place, false),
  whole: zoom,
  hide: () => switched("hide"),
  box: () => switched("box"),
  class: () => find("#class").focus(),
};
const keys = {
  Enter: "take", r: "rectangle", x: "nothing", v: "void", n: "next", ArrowRight: "next", b: "back", ArrowLeft: "back",
  u: "undo", Escape: "reset", f: "whole", h: "hide", e: "box", c: "class",
};

// One action after the other: a key that is pressed while the last decision is written is for the next box.
function act(action) {
  actions = actions.then(action).catch((error) => say(error.message));
  return actions;
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !box) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape" || event.key === "Enter") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.matches("button, summary, a")) return; // which it presses
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const number = "12345".indexOf(key);
  if (number >= 0 && key) act(() => choose(number));
  else if (keys[key]) act(todo[keys[key]]);
  else return;
  event.preventDefault();
}

function superpixelAt(event) {
  const canvas = find("#canvas");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const x = Math.floor(box.crop[0] + ((event.clientX - left) / width) * box.crop[2]);
  const y = Math.floor(box.crop[1] + ((event.clientY - top) / height) * box.crop[3]);
  const [x0, y0, x1, y1] = scaledBox(box.box);
  const inside = x >= Math.round(x0) && x < Math.round(x1) && y >= Math.round(y0) && y < Math.round(y1);
  return box.superpixels && inside ? box.superpixels[y * box.wide + x] : -1;
}

function drag(event) {
  const sides = event.target.dataset?.sides?.split(" ").map(Number);
  if (!sides) return;
  event.preventDefault();
  const canvas = find("#canvas");
  const move = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const x = box.origin[0] + (((clientX - left) / width) * box.crop[2]) / box.scale;
    const y = box.origin[1] + (((clientY - top) / height) * box.crop[3]) / box.scale;
    setSide(sides[0], Math.round(x));
    setSide(sides[1], Math.round(y));
    paint();
  };
  const end = () => {
    document.removeEventListener("pointermove", move);
    document.removeEventListener("pointerup", end);
    act(widen);
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", end);
}

// A side stays in the image, and the box keeps a pixel.
function setSide(side, value) {
  const other = box.box[(side + 2) % 4];
  const most = side % 2 ? box.height : box.width;
  box.box[side] = side < 2 ? Math.max(0, Math.min(value, other - 1)) : Math.min(most, Math.max(value, other + 1));
}

// --- put together ----------------------------------------------------------------------------------------------------

document.addEventListener("keydown", press);
document.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button || !box) return;
  if (button.dataset.do) act(todo[button.dataset.do]);
  if (button.dataset.option) act(() => change(Number(button.dataset.option)));
  if (button.dataset.place) act(() => show(Number(button.dataset.place)));
  button.blur(); // so that Enter takes the mask
});
find("#canvas").addEventListener("click", (event) => {
  const superpixel = box ? superpixelAt(event) : -1;
  if (superpixel >= 0) act(() => toggle(superpixel));
});
find("#canvas").addEventListener("pointermove", (event) => {
  if (!box?.crop || event.pointerType === "touch") return;
  const hover = superpixelAt(event);
  if (hover !== see.hover) {
    see.hover = hover;
    requestAnimationFrame(paint);
  }
});
find("#canvas").addEventListener("pointerleave", () => {
  see.hover = -1;
  paint();
});
find("#handles").addEventListener("pointerdown", drag);
find("#class").addEventListener("change", ({ target }) => {
  box.class = target.value;
  target.blur();
  paint();
});
document.querySelectorAll("[data-side]").forEach((input) => input.addEventListener("change", () => {
  setSide(Number(input.dataset.side), Math.round(Number(input.value)));
  paint();
  act(widen);
}));
window.addEventListener("resize", paint);
window.addEventListener("focus", () => all && act(async () => heed(await ask(`news/${all.events}`))));

async function begin() {
  all = await ask("start");
  all.random = new Set(all.drawn);
  find("#name").textContent = all.name;
  find("#journal").textContent = all.journal;
  const words = `Then ${all.feedback}.`.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
  find("#feedback").replaceChildren(...words);
  find("#class").replaceChildren(...all.classes.slice(1).map((name) => element("option", { value: name }, name)));
  heed(all);
  const asked = Number(location.hash.slice(1) || -1);
  const first = all.order.find((place) => !decided.has(place)) ?? all.order[0];
  await show(all.boxes[asked] ? asked : first);
}

begin().catch((error) => say(error.message));
