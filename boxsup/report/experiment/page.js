"use strict";
// The page's explorers and its table of classes.

const data = JSON.parse(document.getElementById("data").textContent);
const CARDS = 24; // shown at first, and more at each turn
const PAUSE = 600; // ms between generations while they play
const UNKNOWN = "–";

const classOf = (label) => data.classes[label] ?? data.void;
const shown = (value, decimals) => (value === null ? UNKNOWN : value.toFixed(decimals));
const signed = (value) => (value === null ? UNKNOWN : (value < 0 ? "" : "+") + value.toFixed(1)).replace("-", "−");
const numbers = (values, decimals) => values.map((value) => element("td", {}, shown(value, decimals)));

// As a shell takes it for one word, whatever is in it.
const quoted = (word) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function titled(...titles) {
  return element("thead", {}, element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title))));
}

function chip(label, text = classOf(label).name) {
  const swatch = element("span", { class: "swatch", style: `background: ${classOf(label).colour}` });
  return element("span", { class: "chip" }, swatch, text);
}

// --- pictures: a photograph, and over it labels, boxes and outlines in the photograph's own pixels -------------------

function picture(item, crop = [0, 0, item.width, item.height]) {
  const [x, y, width, height] = crop;
  const per = (part, whole) => `${(100 * part) / whole}%`;
  const sides = `width: ${per(item.width, width)}; height: ${per(item.height, height)}`;
  const place = `left: ${per(-x, width)}; top: ${per(-y, height)}; ${sides}`;
  const source = `data:image/webp;base64,${item.photo}`;
  const photo = element("img", { src: source, alt: "", style: place, decoding: "async" });
  const drawing = element("svg", { viewBox: crop.join(" "), "aria-hidden": "true" });
  const kind = width / height < 4 / 3 ? "picture tall" : "picture";
  const form = { class: kind, style: `aspect-ratio: ${width} / ${height}` };
  return element("span", form, photo, drawing);
}

function paint(where, item, layer, { boxes = [], outlines = [], truth = "", heat = null } = {}) {
  const drawing = where.querySelector("svg");
  const paths = (layer === null ? [] : item.layers[layer]).map(([label, d]) => {
    const { colour } = classOf(label);
    return element("path", { d, fill: colour, stroke: colour, "data-label": label });
  });
  const labels = element("g", { class: "labels" }, ...paths);
  const segments = outlines.map((d) => element("path", { class: "outline", d }));
  if (truth) segments.unshift(element("path", { class: "outline true", d: truth }));
  // Each frame is two lines, the wide light one below: dark classes stay visible on dark pictures.
  const framed = boxes.flatMap((box) => [frame(box, "halo"), frame(box, "box")]);
  drawing.replaceChildren(...(heat ? [warm(heat)] : []), labels, ...segments, ...framed);
  where.classList.toggle("plain", layer === null);
}

function warm({ map, corners: [x, y, x1, y1] }) {
  const href = `data:image/webp;base64,${map}`;
  return element("image", { class: "heat", href, x, y, width: x1 - x, height: y1 - y, preserveAspectRatio: "none" });
}

function frame({ corners: [x0, y0, x1, y1], label }, kind) {
  return element("rect", { class: kind, x: x0, y: y0, width: x1 - x0, height: y1 - y0, stroke: classOf(label).colour });
}

// --- an explorer: controls, cards, and a viewer for one image -------------------------------------------------------

class Explorer {
  constructor(root, { views, pictures: items }) {
    Object.assign(this, { root, views, items, step: views.length - 1, label: "", order: "", find: "", count: CARDS });
    this.viewer = root.querySelector("dialog");
    this.cards = root.querySelector(".cards");
    this.view = root.querySelector("[data-role=view]").value;
    this.order = root.querySelector("[data-role=order]").value;
    root.addEventListener("input", ({ target }) => this.set(target.dataset.role, target.value));
    root.addEventListener("click", ({ target }) => this.act(target.closest("[data-do]")));
    this.viewer.addEventListener("keydown", (event) => this.press(event));
    this.viewer.addEventListener("close", () => {
      this.play(false);
      this.item = null;
      this.address();
    });
    this.first = this.state();
    this.list();
  }

  // What is shown, as the fragment of the page's address: a link to it can be sent.

  state() {
    const { view, label, order, find, step } = this;
    return { image: this.item?.id ?? "", generation: String(this.views[step] ?? ""), show: view, class: label, order, find };
  }

  address() {
    if (this.restoring) return;
    const changed = Object.entries(this.state()).filter(([key, value]) => value !== (this.first[key] ?? ""));
    const query = new URLSearchParams(changed).toString();
    history.replaceState(null, "", query ? `#${this.root.dataset.kind}?${query}` : `#${this.root.dataset.kind}`);
  }

  restore(query) {
    const asked = new URLSearchParams(query);
    const value = (key) => asked.get(key) ?? this.first[key];
    const offered = (role, wanted) => [...this.root.querySelectorAll(`[data-role=${role}] option`)].some(
      (option) => option.value === wanted);
    this.restoring = true;
    for (const [role, key] of [["label", "class"], ["order", "order"], ["find", "find"]]) {
      const wanted = role === "find" || offered(role, value(key)) ? value(key) : this.first[key];
      this[role] = wanted;
      this.root.querySelector(`[data-role=${role}]`).value = wanted;
    }
    this.count = CARDS;
    if (this.views.length && this.all("step").length) {
      const step = this.views.map(String).indexOf(value("generation"));
      this.go(step < 0 ? this.views.length - 1 : step);
    }
    const shows = [...this.all("view")].map((choice) => choice.value);
    this.look(shows.includes(value("show")) ? value("show") : this.first.show);
    this.list();
    const item = this.items.find(({ id }) => id === asked.get("image"));
    if (item) this.open(item);
    else if (this.viewer.open) this.viewer.close();
    this.restoring = false;
  }

  all(role) {
    return this.root.querySelectorAll(`[data-role=${role}]`);
  }

  set(role, value) {
    if (role === "step") this.go(Number(value));
    else if (role === "view") this.look(value);
    else if (role in this) {
      this[role] = value;
      this.count = CARDS;
      this.list();
      this.address();
    }
  }

  act(control) {
    const todo = control?.dataset.do;
    if (todo === "play") this.play(!this.timer);
    if (todo === "more") this.list((this.count += CARDS));
    if (todo === "open") this.open(this.items[Number(control.dataset.item)]);
    if (todo === "previous") this.turn(-1);
    if (todo === "next") this.turn(1);
    if (todo === "close") this.viewer.close();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.target.matches("input") ? 0 : { ArrowLeft: -1, ArrowRight: 1 }[event.key]; // they use theirs
    const turn = { n: 1, p: -1 }[event.key.toLowerCase()];
    if (step) this.move(step);
    if (turn) this.turn(turn);
    if (step || turn) event.preventDefault();
  }

  // What is shown.

  go(step) {
    this.step = Math.max(0, Math.min(this.views.length - 1, step));
    this.all("step").forEach((slider) => {
      slider.value = this.step;
      slider.setAttribute("aria-valuetext", `generation ${this.views[this.step]}`);
    });
    this.all("number").forEach((output) => (output.value = this.views[this.step]));
    this.look("step");
  }

  look(view) {
    this.view = view;
    this.all("view").forEach((choice) => (choice.checked = choice.value === view));
    this.repaint();
    this.address();
  }

  move(by) {
    if (this.all("step").length) return this.go(this.step + by);
    const offered = [...this.viewer.querySelectorAll("[data-role=view]")].map((choice) => choice.value);
    this.look(offered[(offered.indexOf(this.view) + by + offered.length) % offered.length]);
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = null;
    if (on) {
      if (this.step === this.views.length - 1) this.go(0);
      const next = () => (this.step < this.views.length - 1 ? this.go(this.step + 1) : this.play(false));
      this.timer = setInterval(next, PAUSE);
    }
    this.root.querySelectorAll("[data-do=play]").forEach((button) => {
      button.setAttribute("aria-pressed", Boolean(on));
      button.textContent = on ? "❚❚" : "▶";
    });
  }

  layer(item) {
    if (this.view === "photo") return null;
    if (this.view === "truth") return item.truth;
    return item.views[this.view === "step" ? this.step : Number(this.view)];
  }

  // The cards.

  value(item, key) {
    const own = key === "score" && this.label && item.iou ? item.iou[this.label]?.[0] : item[key];
    return own ?? null;
  }

  list() {
    const [key, sign] = this.order.split(":");
    const wanted = this.find.trim().toLowerCase();
    this.found = this.items.filter(
      (item) => (!this.label || item.labels.includes(Number(this.label))) && item.id.toLowerCase().includes(wanted));
    const rank = (item) => this.value(item, key) ?? Infinity * Number(sign); // what is unknown comes last
    if (sign) this.found.sort((a, b) => Number(sign) * (rank(a) - rank(b)) || 0);
    const cards = this.found.slice(0, this.count);
    this.cards.replaceChildren(...cards.map((item) => this.card(item)));
    const counted = `${this.found.length} of ${this.items.length} ${this.things}`;
    this.all("count").forEach((text) => (text.textContent = counted));
    this.root.querySelector("[data-do=more]").hidden = cards.length === this.found.length;
    this.repaint();
  }

  card(item) {
    const frame = element("span", { class: "frame" }, picture(item));
    const name = element("span", { class: "name" }, item.id);
    const note = element("span", { class: "note" }, this.note(item));
    const known = { "data-item": this.items.indexOf(item), "data-id": item.id };
    const open = { type: "button", class: "card", "data-do": "open", ...known };
    return element("li", {}, element("button", open, frame, name, note, element("span", { class: "chips" })));
  }

  repaint() {
    this.cards.querySelectorAll(".card").forEach((card) => {
      const item = this.items[Number(card.dataset.item)];
      const layer = this.layer(item);
      paint(card.querySelector(".picture"), item, layer, this.over(item));
      card.querySelector(".note").textContent = this.note(item);
      card.querySelector(".chips").replaceChildren(...this.seen(item, layer).map((label) => chip(label)));
    });
    if (this.viewer.open) this.show();
  }

  // The viewer.

  open(item, box = null) {
    this.item = item;
    this.marked = box === null ? null : { box, candidate: null };
    const titles = item.truth === null ? [""] : ["", "true mask"];
    const figures = titles.map((title) => element("figure", {}, picture(item), element("figcaption", {}, title)));
    this.viewer.querySelector(".stages").replaceChildren(...figures);
    this.viewer.querySelector("h3").replaceChildren(item.id, element("small"));
    if (!this.viewer.open) {
      this.viewer.showModal();
      this.viewer.querySelector("h3").focus(); // and not a button that the next key would press
    }
    this.show();
    this.address();
  }

  turn(by) {
    const next = this.found[this.found.indexOf(this.item) + by];
    if (next) this.open(next);
  }

  show() {
    const [own, truth] = this.viewer.querySelectorAll(".stages .picture");
    paint(own, this.item, this.layer(this.item), this.drawn());
    if (truth) paint(truth, this.item, this.item.truth);
    const chosen = this.viewer.querySelector("[data-role=view]:checked").parentElement.textContent.trim();
    const title = this.view === "step" ? `generation ${this.views[this.step]}` : chosen;
    this.viewer.querySelector("figcaption").textContent = title;
    this.viewer.querySelector("h3 small").textContent = this.note(this.item);
    this.viewer.querySelector(".detail").replaceChildren(...this.detail());
  }

  // What a kind of explorer may have of its own.

  get things() {
    return "images";
  }

  over() {
    return {};
  }

  seen(item, layer) {
    return layer === null ? item.labels : item.layers[layer].map(([label]) => label);
  }

  drawn() {
    return this.over(this.item);
  }
}

class Predictions extends Explorer {
  note(item) {
    if (item.truth === null) return "no true mask";
    const plain = this.view === "1"; // the labels without CRF
    const which = plain ? " without CRF" : "";
    if (this.label) return `IoU ${shown(item.iou[this.label]?.[plain ? 1 : 0] ?? null, 1)} %${which}`;
    if (item.score === null) return "no object in its true mask";
    const gained = data.refined ? `, CRF ${signed(item.gained)}` : "";
    return plain ? `mIoU ${shown(item.plain, 1)} %${which}` : `mIoU ${shown(item.score, 1)} %${gained}`;
  }

  detail() {
    const titles = data.refined ? ["IoU % with CRF", "without"] : ["IoU %"];
    const rows = Object.entries(this.item.iou).map(([label, scores]) =>
      element("tr", {}, element("th", { scope: "row" }, chip(label)), ...numbers(scores.slice(0, titles.length), 1)));
    const scores = element("table", {}, titled("Class", ...titles), element("tbody", {}, ...rows));
    return [...(rows.length ? [scores] : []), ...(this.item.full ? [this.link()] : [])];
  }

  link() {
    const truth = this.item.truth === null ? "Photo and prediction" : "Photo, prediction and true mask";
    return fullSize(`pictures/${encodeURIComponent(this.item.id)}.jpg`, truth);
  }
}

function fullSize(file, what) {
  return element("p", {}, element("a", { href: file, target: "_blank" }, `${what} at full size`));
}

class Generations extends Explorer {
  note(item) {
    const [score, sure] = [item.scores[this.step], item.sures[this.step]];
    const known = score === null ? (sure === null ? "" : `expected IoU ${sure.toFixed(2)}`) : `mIoU ${score.toFixed(1)} %`;
    const changed = this.views.length > 1 ? `changed ${shown(item.changed, 0)} %` : "";
    return [known, changed].filter(Boolean).join(", ");
  }

  drawn() {
    const one = this.marked?.box ?? null;
    const boxes = this.item.boxes.filter((box, index) => one === null || index === one);
    const outline = (box) => {
      const { chosen, segment } = box.choices[this.step], { segments } = this.item;
      return segments[this.marked?.candidate] ?? segment ?? segments[chosen];
    };
    return { boxes, outlines: boxes.map(outline).filter(Boolean) };
  }

  mark(marked) {
    this.marked = marked;
    paint(this.viewer.querySelector(".picture"), this.item, this.layer(this.item), this.drawn());
  }

  detail() {
    const store = data.stores[this.views[this.step]];
    const command = element("pre", {}, `${data.show} ${quoted(store)} ${quoted(this.item.id)}`);
    const what = this.item.truth === null ? "Photo and last labels" : "Photo, last labels and true mask";
    return [...this.tables(), fullSize(`pictures/training/${encodeURIComponent(this.item.id)}.jpg`, what), command];
  }

  tables() {
    return this.item.boxes.map((box, index) => {
      const name = element("caption", {}, chip(box.label, `${index + 1} ${classOf(box.label).name}`));
      const head = titled("Candidate", ...data.generations.costs);
      return element("table", { class: "choices" }, name, head, element("tbody", {}, ...this.choices(box, index)));
    });
  }

  choices(box, index) {
    const { chosen, best } = box.choices[this.step];
    const why = data.without[chosen];
    const columns = 1 + data.generations.costs.length;
    if (why) return [element("tr", {}, element("td", { colspan: columns, class: "why" }, why))];
    return best.map(([candidate, ...costs]) => {
      const mark = candidate === chosen ? { class: "chosen", "aria-label": `${candidate}, chosen` } : {};
      const row = element("tr", { tabindex: 0 }, element("td", mark, String(candidate)), ...numbers(costs, 2));
      const pointed = { box: index, candidate };
      for (const event of ["mouseenter", "focus"]) row.addEventListener(event, () => this.mark(pointed));
      for (const event of ["mouseleave", "blur"]) row.addEventListener(event, () => this.mark(null));
      return row;
    });
  }
}

class ObjectMaps extends Explorer {
  get things() {
    return "boxes";
  }

  layer() {
    return this.view === "map" ? 0 : null;
  }

  over(item) {
    if (this.view === "photo") return {};
    const { segment, true: truth, heat } = item;
    return { outlines: segment ? [segment] : [], truth, heat: this.view === "map" ? heat : null };
  }

  seen(item) {
    return item.labels;
  }

  note({ score, segment_iou: segment, distance }) {
    const said = [[score, "map", 1, " %"], [segment, "segment", 1, " %"], [distance, "E_b", 2, ""]];
    return said.filter(([value]) => value !== null).map(([value, name, decimals, unit]) =>
      `${name} ${value.toFixed(decimals)}${unit}`).join(", ");
  }

  detail() {
    const { score, segment_iou: segment, distance } = this.item;
    const row = (name, value, decimals) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...numbers([value], decimals));
    const rows = [row("IoU % of the map with the true object", score, 1),
      row("IoU % of what the box labels", segment, 1), row("E_b of the chosen candidate", distance, 2)];
    return [element("table", {}, element("tbody", {}, ...rows))];
  }
}

// --- the boxes worth a look -----------------------------------------------------------------------------------------

function oddBoxes(root, explorer) {
  const cards = data.generations.odd.map(({ item: place, box: number, why }) => {
    const item = data.generations.pictures[place];
    const box = item.boxes[number];
    const crop = around(box.corners, item);
    const shot = picture(item, crop);
    paint(shot, item, item.views[item.views.length - 1], { boxes: [box] });
    const name = element("span", { class: "name" }, chip(box.label), element("small", {}, item.id));
    const reasons = element("span", { class: "note" }, why.join("; "));
    const frame = element("span", { class: "frame" }, shot);
    const card = element("button", { type: "button", class: "card" }, frame, name, reasons);
    card.addEventListener("click", () => explorer.open(item, number));
    return element("li", {}, card);
  });
  root.replaceChildren(...cards);
}

function around([x0, y0, x1, y1], { width, height }) {
  const margin = 0.2 * Math.max(x1 - x0, y1 - y0) + 4;
  const [left, top] = [Math.max(0, x0 - margin), Math.max(0, y0 - margin)];
  return [left, top, Math.min(width, x1 + margin) - left, Math.min(height, y1 + margin) - top];
}

// --- the table of classes: sorted by any column, beside another experiment ------------------------------------------

function sortable(table) {
  const body = table.tBodies[0];
  const number = (row, column) => Number.parseFloat(row.cells[column].textContent.replace("−", "-"));
  table.querySelectorAll("th button").forEach((button) => {
    button.addEventListener("click", () => {
      const title = button.closest("th");
      const down = title.ariaSort !== "descending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      title.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].filter((row) => !row.classList.contains("mean"));
      if (title.cellIndex === 0) {
        title.removeAttribute("aria-sort");
        body.prepend(...rows.sort((a, b) => a.dataset.row - b.dataset.row)); // the order of the classes
        return;
      }
      const value = (row) => number(row, title.cellIndex);
      rows.sort((a, b) => (down ? 1 : -1) * (value(b) - value(a)) || Number.isNaN(value(a)) - Number.isNaN(value(b)));
      body.prepend(...rows);
    });
  });
}

function compare(table, name) {
  const other = data.beside[name];
  for (const row of table.tBodies[0].rows) {
    const own = Number.parseFloat(row.dataset.share);
    const theirs = other ? other[Number(row.dataset.row)] : null;
    const mark = row.querySelector(".mark");
    mark.hidden = theirs === null;
    mark.style.left = `${theirs ?? 0}%`;
    const difference = theirs === null || Number.isNaN(own) ? "" : signed(own - theirs);
    row.querySelector(".theirs").textContent = theirs === null ? "" : theirs.toFixed(1);
    row.querySelector(".difference").textContent = difference;
  }
}

// --- tables as CSV --------------------------------------------------------------------------------------------------

// A cell that a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers.
function csvCell(text) {
  const plain = text.trim().replace("−", "-");
  const guarded = /^[=+\-@\t]/.test(plain) && Number.isNaN(Number(plain)) ? `'${plain}` : plain;
  return /[",\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

function csv(shownTable) {
  return [...shownTable.rows].map((row) => [...row.cells].map((cell) => csvCell(cell.innerText)).join(",")).join("\r\n");
}

function offerCsv(shownTable) {
  const section = shownTable.closest("section");
  const same = [...section.querySelectorAll(".scroll > table")];
  const file = `${[document.querySelector("h1").textContent, section.id, ...(same.length > 1 ? [same.indexOf(shownTable) + 1] : [])].join("-")}.csv`;
  const link = element("a", { class: "csv", download: file, href: "#" }, "as CSV");
  const fill = () => (link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(`${csv(shownTable)}\r\n`)}`);
  for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, fill); // as it is sorted now
  shownTable.parentElement.after(link);
}

// --- put together ---------------------------------------------------------------------------------------------------

const explorers = {};
const kinds = { predictions: Predictions, generations: Generations, objects: ObjectMaps };
for (const [kind, Kind] of Object.entries(kinds)) {
  const root = document.getElementById(`explore-${kind}`);
  if (root) explorers[kind] = new Kind(root, data[kind]);
}
const odd = document.getElementById("odd-boxes");
if (odd) oddBoxes(odd, explorers.generations);
const table = document.querySelector("#results .results");
if (table) sortable(table);
document.querySelectorAll("section .scroll > table").forEach(offerCsv);
const chooser = document.getElementById("beside");
if (chooser) {
  chooser.addEventListener("input", () => compare(table, chooser.value));
  compare(table, chooser.value);
}

function follow() {
  const [kind, query] = location.hash.slice(1).split(/\?(.*)/s);
  const explorer = explorers[kind];
  if (!explorer || query === undefined) return;
  explorer.root.scrollIntoView({ behavior: "instant" });
  explorer.restore(query);
}
addEventListener("hashchange", follow);
follow();
