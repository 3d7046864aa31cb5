// The page of `boxsup masks`: cards of boxes with filters, and a viewer with the image and its masks side by side.

const data = JSON.parse(document.getElementById("data").textContent);
const CARDS = 48; // shown at first, and more at each turn
const state = { label: "", flag: "", least: 0, most: 1, find: "", order: "worst", count: CARDS, found: [], item: null };
const viewer = find("dialog");

const classOf = (box) => data.classes[box.class];

function chip(box) {
  const swatch = element("span", { class: "swatch", style: `background: ${classOf(box).colour}` });
  return element("span", { class: "chip" }, swatch, classOf(box).name);
}

function said(box) {
  if (box.reviewed) return "reviewed";
  return [`score ${box.score.toFixed(2)}`, ...box.flags].join(", ");
}

function picture(box) {
  const colour = classOf(box).colour;
  const photo = element("img", { src: `data:image/webp;base64,${box.photo}`, alt: "", decoding: "async" });
  const [x0, y0, x1, y1] = box.corners;
  const frame = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  const drawing = element(
    "svg", { viewBox: `0 0 ${box.width} ${box.height}`, "aria-hidden": "true" },
    element("g", { class: "labels" }, element("path", { d: box.mask, fill: colour, stroke: colour })),
    element("path", { class: "outline", d: box.mask }),
    element("rect", { class: "halo", ...frame }), element("rect", { class: "box", stroke: colour, ...frame }));
  const tall = box.width / box.height < 4 / 3 ? "picture tall" : "picture";
  return element("span", { class: tall, style: `aspect-ratio: ${box.width} / ${box.height}` }, photo, drawing);
}

function card(box) {
  const frame = element("span", { class: "frame" }, picture(box));
  const name = element("span", { class: "name" }, chip(box), element("small", {}, `${box.image} · ${box.object}`));
  const note = element("span", { class: "note" }, said(box));
  const own = { "data-box": data.boxes.indexOf(box), "data-image": box.image, "data-object": box.object };
  return element("li", {}, element("button", { type: "button", class: "card", ...own }, frame, name, note));
}

function fits(box) {
  if (state.label && box.class !== Number(state.label)) return false;
  if (state.flag === "any" && !box.flags.length) return false;
  if (state.flag === "reviewed" && !box.reviewed) return false;
  if (state.flag && !["any", "reviewed"].includes(state.flag) && !box.flags.includes(state.flag)) return false;
  if (box.score < state.least || box.score > state.most) return false;
  return box.image.toLowerCase().includes(state.find.trim().toLowerCase());
}

const orders = {
  worst: (a, b) => a.score - b.score,
  best: (a, b) => b.score - a.score,
  flags: (a, b) => b.flags.length - a.flags.length || a.score - b.score,
  listed: (a, b) => (a.image < b.image ? -1 : a.image > b.image ? 1 : a.object - b.object),
};

function list() {
  state.found = data.boxes.filter(fits).sort(orders[state.order]);
  const cards = state.found.slice(0, state.count);
  find(".cards").replaceChildren(...cards.map(card));
  const counted = `${state.found.length.toLocaleString("en")} of ${data.boxes.length.toLocaleString("en")} boxes`;
  find("#count").textContent = counted;
  find(".more").hidden = cards.length === state.found.length;
}

// --- the viewer: the image, its masks, and the box in both -----------------------------------------------------------

function side(title, address) {
  const shown = element("img", { src: address, alt: title });
  const link = element("a", { href: address, target: "_blank", rel: "noreferrer" }, title);
  return element("figure", {}, shown, element("figcaption", {}, link));
}

function open(box) {
  const files = data.files[box.image];
  if (state.item?.image !== box.image || !viewer.open) {
    find(".stages").replaceChildren(side("image", files.photo), side("masks", files.masks));
  }
  state.item = box;
  find("dialog h3").replaceChildren(box.image, element("small", {}, `object ${box.object}`));
  const others = data.boxes.filter((other) => other.image === box.image);
  const rows = others.map((other) => {
    const mark = other === box ? { class: "chosen", "aria-current": true } : {};
    return element("tr", mark, element("td", {}, String(other.object)), element("td", {}, chip(other)),
      element("td", {}, said(other)));
  });
  find(".detail").replaceChildren(element("figure", { class: "close" }, picture(box)),
    element("table", { class: "words" }, element("tbody", {}, ...rows)));
  if (!viewer.open) {
    viewer.showModal();
    find("dialog h3").focus(); // and not a button that the next key would press
  }
}

function turn(by) {
  const next = state.found[state.found.indexOf(state.item) + by];
  if (next) open(next);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { ArrowRight: 1, n: 1, ArrowLeft: -1, p: -1 }[event.key];
  if (by) {
    turn(by);
    event.preventDefault();
  }
}

document.addEventListener("input", ({ target }) => {
  const { role } = target.dataset;
  if (!role) return;
  state[role] = ["least", "most"].includes(role) ? Number(target.value) : target.value;
  const output = find(`[data-of=${role}]`);
  if (output) output.value = Number(target.value).toFixed(2);
  state.count = CARDS;
  list();
});
document.addEventListener("click", ({ target }) => {
  const chosen = target.closest("[data-box]");
  if (chosen) open(data.boxes[Number(chosen.dataset.box)]);
  const todo = target.closest("[data-do]")?.dataset.do;
  if (todo === "more") list((state.count += CARDS));
  if (todo === "previous") turn(-1);
  if (todo === "next") turn(1);
  if (todo === "close") viewer.close();
});
viewer.addEventListener("keydown", press);
for (const control of document.querySelectorAll("[data-role]")) {
  const { role } = control.dataset; // a browser keeps what was chosen when a page is loaded again
  state[role] = ["least", "most"].includes(role) ? Number(control.value) : control.value;
}
list();
