"use strict";
// The page: orders to choose from, both graphs, and for each latent its parents with the path that makes each needed.
// Every text comes in by textContent, so that names are shown and never run.

const LATENT = 0;
const OBSERVED = 1;
const BARREN = 2;
const MARKS = ["plain", "missing", "removable"];
const KINDS = ["latent", "observed", "barren", "hidden"];
const MOST_LISTED = 200;
const SVG = "http://www.w3.org/2000/svg";
// What a narrow window writes beside the numbers of an order.
const COLUMNS = { edges: "edges", depth: "depth", width: "width", cost: "multiplications" };

const data = JSON.parse(document.getElementById("data").textContent);
const model = { parents: data.parents, children: listChildren(data.parents) };
const isObserved = new Uint8Array(data.names.length);
for (const v of data.observed) isObserved[v] = 1;
const guideView = data.views.findIndex((view) => view.isGuide);
const chosen = { view: 0, latent: -1, parent: -1, onlyThese: null };

// -- small helpers ----------------------------------------------------------------------------------

function listChildren(parents) {
  const children = parents.map(() => []);
  parents.forEach((row, child) => row.forEach((parent) => children[parent].push(child)));
  return children;
}

function find(id) {
  return document.getElementById(id);
}

function make(tag, { text, children = [], on = {}, ...attributes } = {}) {
  const element = document.createElement(tag);
  return fill(element, text, children, on, attributes);
}

function makeSvg(tag, { text, children = [], on = {}, ...attributes } = {}) {
  return fill(document.createElementNS(SVG, tag), text, children, on, attributes);
}

function fill(element, text, children, on, attributes) {
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, act] of Object.entries(on)) element.addEventListener(event, act);
  element.append(...children);
  return element;
}

function say(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

function nameOf(v) {
  return data.names[v] === "" ? "(empty name)" : data.names[v];
}

// -- what a view says --------------------------------------------------------------------------------

function currentView() {
  return data.views[chosen.view];
}

function parentsOf(view, latent) {
  return view.parents[data.place[latent]];
}

// Variables that are known when a latent is drawn, in the order in which they become known.
function listKnown(view, latent) {
  return [...data.observed, ...view.sampling.slice(0, view.sampling.indexOf(latent))];
}

function listOf(edges, latent) {
  return edges.filter((edge) => edge[1] === latent).map((edge) => edge[0]);
}

function drawPath(path) {
  let text = nameOf(path[0]);
  for (let i = 1; i < path.length; i += 1) {
    text += ` ${model.parents[path[i]].includes(path[i - 1]) ? "→" : "←"} ${nameOf(path[i])}`;
  }
  return text;
}

// -- the table of orders -----------------------------------------------------------------------------

function showOrders() {
  const best = (key) => Math.min(...data.views.filter((v) => v.missingCount === 0 && v[key] !== null).map((v) => v[key]));
  const least = { edges: best("edges"), depth: best("depth"), width: best("width"), cost: best("cost") };
  data.views.forEach((view, number) => {
    const radio = make("input", {
      type: "radio", name: "order", id: `order-${number}`, value: number, checked: number === chosen.view,
      on: { change: () => chooseView(number) },
    });
    const label = make("label", { for: `order-${number}`, text: view.title });
    const cell = (key) => make("td", {
      role: "cell", "data-column": COLUMNS[key],
      text: view[key] === null ? "not predicted" : view[key].toLocaleString("en"),
      class: view.missingCount === 0 && view[key] === least[key] ? "least" : undefined,
    });
    const verdict = make("td", { role: "cell", text: view.verdict, class: `verdict ${view.missingCount ? "bad" : "good"}` });
    find("orders").append(make("tr", {
      role: "row",
      children: [make("th", { scope: "row", role: "rowheader", children: [radio, label] }), cell("edges"), cell("depth"), cell("width"),
        cell("cost"), verdict],
    }));
  });
}

// -- pictures ----------------------------------------------------------------------------------------

function showDrawing(holder, drawing, label) {
  const boxOf = new Map();
  drawing.boxes.forEach((box, number) => box.members.forEach((v) => boxOf.set(v, number)));
  const picture = makeSvg("svg", {
    viewBox: `0 0 ${drawing.width} ${drawing.height}`, role: "group", "aria-label": label,
    width: drawing.width, height: drawing.height,
  });
  const halos = makeSvg("g", { class: "halos" });
  const extra = makeSvg("g", { class: "extra" });
  const curves = drawing.curves.map((curve) => {
    const several = curve.count > 1 ? [makeSvg("title", { text: say(curve.count, "edge") })] : [];
    const line = makeSvg("path", { d: curve.line, children: several, "stroke-width": curve.width });
    const head = makeSvg("path", { d: curve.head, class: "head" });
    const group = makeSvg("g", { class: `edge ${MARKS[curve.mark]}`, children: [line, head] });
    return { ...curve, group };
  });
  const crowded = curves.length > 150 ? " crowded" : "";
  const lines = makeSvg("g", { class: `edges${crowded}`, children: curves.map((curve) => curve.group) });
  const boxes = drawing.boxes.map((box, number) => {
    const group = makeBox(box);
    group.addEventListener("click", () => pressBox(box));
    group.addEventListener("keydown", (event) => moveBetween(event, drawing, boxes, number));
    return group;
  });
  picture.append(halos, lines, extra, ...boxes);
  const note = drawing.note ? [make("p", { class: "note", text: drawing.note })] : [];
  find(holder).replaceChildren(picture, ...note);
  if (boxes.length) boxes[0].setAttribute("tabindex", "0");
  return { drawing, boxOf, curves, boxes, halos, extra };
}

function makeBox(box) {
  const names = box.members.slice(0, 40).map(nameOf).join(", ");
  const many = box.members.length > 1;
  const shape = makeSvg("rect", {
    x: box.x - box.width / 2, y: box.y - box.height / 2, width: box.width, height: box.height,
    rx: box.kind === OBSERVED ? 3 : Math.min(13, box.height / 2),
  });
  const first = box.y - 7 * (box.lines.length - 1) + 4;
  const lines = box.lines.map((line, i) => makeSvg("text", {
    x: box.x, y: first + 14 * i, text: line, class: i ? "small" : undefined,
  }));
  return makeSvg("g", {
    class: `box ${KINDS[box.kind]}${many ? " several" : ""}`, role: "button", tabindex: "-1",
    "aria-label": `${KINDS[box.kind]} ${names}`,
    children: [makeSvg("title", { text: many && box.members.length > 40 ? `${names}, …` : names }), shape, ...lines],
  });
}

// A box for one latent chooses it, one for several lists them, one for data explains them as a parent.
function pressBox(box) {
  const first = box.members[0];
  if (box.members.length > 1) {
    listOnly(box.kind === OBSERVED ? null : box.members, box.kind === OBSERVED);
  } else if (box.kind === OBSERVED || (chosen.latent >= 0 && first === chosen.latent)) {
    if (chosen.latent >= 0) chooseParent(first);
  } else {
    chooseLatent(first);
  }
}

// Arrow keys go to the nearest box in their direction; Enter and the space bar press it.
function moveBetween(event, drawing, boxes, from) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pressBox(drawing.boxes[from]);
  } else if (ways[event.key]) {
    event.preventDefault();
    const [dx, dy] = ways[event.key];
    const here = drawing.boxes[from];
    let nearest = -1;
    let shortest = Infinity;
    drawing.boxes.forEach((box, number) => {
      const along = (box.x - here.x) * dx + (box.y - here.y) * dy;
      const aside = Math.abs((box.x - here.x) * dy) + Math.abs((box.y - here.y) * dx);
      if (along > 1 && along + 2 * aside < shortest) {
        shortest = along + 2 * aside;
        nearest = number;
      }
    });
    if (nearest >= 0) {
      boxes.forEach((box) => box.setAttribute("tabindex", "-1"));
      boxes[nearest].setAttribute("tabindex", "0");
      boxes[nearest].focus();
    }
  }
}

let inversePicture = null;
let modelPicture = null;

function mark(picture, name, members) {
  const marked = new Set(members.map((v) => picture.boxOf.get(v)));
  picture.boxes.forEach((box, number) => box.classList.toggle(name, marked.has(number)));
}

function markEverything() {
  const view = currentView();
  const has = chosen.latent >= 0;
  const needs = has ? [...parentsOf(view, chosen.latent), ...listOf(view.missing, chosen.latent)] : [];
  mark(inversePicture, "chosen", has ? [chosen.latent] : []);
  mark(inversePicture, "needed", needs);
  mark(inversePicture, "because", chosen.parent >= 0 ? [chosen.parent] : []);
  const child = has ? inversePicture.boxOf.get(chosen.latent) : -1;
  const parent = chosen.parent >= 0 ? inversePicture.boxOf.get(chosen.parent) : -1;
  for (const curve of inversePicture.curves) {
    curve.group.classList.toggle("incoming", curve.target === child);
    curve.group.classList.toggle("asked", curve.target === child && curve.source === parent);
  }
  inversePicture.boxes[0].closest("svg").classList.toggle("focused", has);
  mark(modelPicture, "chosen", has ? [chosen.latent] : []);
  mark(modelPicture, "because", chosen.parent >= 0 ? [chosen.parent] : []);
  showGuideEdges();
}

function highlightPath(path) {
  modelPicture.halos.replaceChildren();
  const steps = new Set();
  for (let i = 1; i < path.length; i += 1) {
    const a = modelPicture.boxOf.get(path[i - 1]);
    const b = modelPicture.boxOf.get(path[i]);
    steps.add(`${a} ${b}`).add(`${b} ${a}`);
  }
  for (const curve of modelPicture.curves) {
    if (steps.has(`${curve.source} ${curve.target}`)) {
      modelPicture.halos.append(makeSvg("path", { d: curve.line, "stroke-width": curve.width + 8 }));
    }
  }
  mark(modelPicture, "on-path", path);
}

// The guide's edges over the inverse of an order: those that both have stand out, the others are dashed.
function showGuideEdges() {
  inversePicture.extra.replaceChildren();
  const shown = guideView >= 0 && find("show-guide").checked && chosen.view !== guideView;
  for (const curve of inversePicture.curves) curve.group.classList.remove("in-guide");
  find("guide-summary").textContent = find("show-guide").disabled
    ? "Your guide itself is shown. Choose an order in the table above, and its edges can be laid over it."
    : "";
  if (!shown) return;
  const guide = data.views[guideView];
  const view = currentView();
  const drawn = new Map(inversePicture.curves.map((curve) => [`${curve.source} ${curve.target}`, curve]));
  const others = new Set();
  let shared = 0;
  guide.parents.forEach((row, place) => {
    const own = new Set(view.parents[place]);
    const target = inversePicture.boxOf.get(data.latents[place]);
    for (const parent of row) {
      const source = inversePicture.boxOf.get(parent);
      if (own.has(parent)) {
        shared += 1;
        drawn.get(`${source} ${target}`)?.group.classList.add("in-guide");
      } else if (source !== target) {
        others.add(`${source} ${target}`);
      }
    }
  });
  for (const pair of others) inversePicture.extra.append(drawStraight(inversePicture.drawing, ...pair.split(" ").map(Number)));
  find("guide-summary").textContent =
    `The guide has ${say(guide.edges, "edge")}; ${shared.toLocaleString("en")} of them are among the ` +
    `${view.edges.toLocaleString("en")} of this order (thick), ${(guide.edges - shared).toLocaleString("en")} are not (dashed).`;
}

function drawStraight(drawing, source, target) {
  const a = drawing.boxes[source];
  const b = drawing.boxes[target];
  const bend = 0.12;
  const mx = (a.x + b.x) / 2 - (b.y - a.y) * bend;
  const my = (a.y + b.y) / 2 + (b.x - a.x) * bend;
  return makeSvg("path", { class: "guide-only", d: `M${a.x} ${a.y}Q${mx} ${my} ${b.x} ${b.y}` });
}

// -- choosing ----------------------------------------------------------------------------------------

function chooseView(number) {
  chosen.view = number;
  const view = currentView();
  inversePicture = showDrawing("inverse", view.drawing, `The inverse, ${view.title}`);
  const wide = Math.max(view.drawing.width, data.drawing.width) > 660;
  document.querySelector(".pictures").classList.toggle("stacked", wide);
  find("inverse-title").textContent = view.drawing.title;
  find(`order-${number}`).checked = true;
  find("show-guide").disabled = number === guideView;
  showVerdict(view);
  listLatents();
  if (chosen.latent >= 0) chooseLatent(chosen.latent, chosen.parent);
  else markEverything();
}

function chooseLatent(latent, parent = -1) {
  chosen.latent = latent;
  const option = find(`latent-${latent}`);
  if (option) option.selected = true;
  showParents(parent);
}

function chooseParent(parent) {
  showParents(parent);
}

// -- the list of latents -----------------------------------------------------------------------------

function listLatents() {
  const view = currentView();
  const wanted = find("search").value.toLowerCase();
  const only = chosen.onlyThese && new Set(chosen.onlyThese);
  const options = view.sampling
    .filter((v) => (!only || only.has(v)) && data.names[v].toLowerCase().includes(wanted))
    .map((v) => make("option", {
      id: `latent-${v}`, value: v, selected: v === chosen.latent,
      text: `${nameOf(v)}  (${parentsOf(view, v).length})`,
    }));
  find("latents").replaceChildren(...options);
  find("listed").textContent = only || wanted ? `${say(options.length, "latent")} of ${data.latents.length}` : "in sampling order, with the number of parents";
  find("all-latents").hidden = !only;
}

function listOnly(members, areObserved) {
  if (areObserved) return;
  chosen.onlyThese = members;
  find("search").value = "";
  listLatents();
  if (!members.includes(chosen.latent)) {
    const first = currentView().sampling.find((v) => members.includes(v));
    if (first !== undefined) chooseLatent(first);
  }
}

// -- why a parent is needed --------------------------------------------------------------------------

function showParents(wantedParent) {
  const view = currentView();
  const latent = chosen.latent;
  const own = parentsOf(view, latent);
  const missing = new Set(listOf(view.missing, latent));
  const removable = new Set(listOf(view.removable, latent));
  const all = [...missing, ...own];
  const knowledge = learn(model, listKnown(view, latent));
  const paths = traceOpenPaths(model, knowledge, latent, all);
  chosen.parent = all.includes(wantedParent) ? wantedParent : all.length ? all[0] : -1;
  find("latent-title").textContent = nameOf(latent);
  const step = view.sampling.indexOf(latent) + 1;
  find("latent-facts").textContent =
    `Drawn as number ${step} of ${view.sampling.length}, in step ${view.steps[data.place[latent]]} of ${view.depth}; ` +
    `${say(own.length, "parent")}` +
    (missing.size ? `, ${missing.size} missing` : "") + (removable.size ? `, ${removable.size} removable` : "") +
    (view.barren.includes(latent) ? ". Barren: no data below it, so it is drawn from the model itself, without a network." : ".") +
    (latent in data.closed ? ` Closed form, ${data.closed[latent]}: drawn exactly, last, without a network.` : "");
  const listed = all.slice(0, MOST_LISTED);
  if (chosen.parent >= 0 && !listed.includes(chosen.parent)) listed.push(chosen.parent);
  const items = listed.map((parent) => listParent(parent, paths.get(parent), missing, removable));
  const more = all.length - listed.length;
  if (more > 0) items.push(make("li", { class: "note", text: `and ${more.toLocaleString("en")} more` }));
  if (!all.length) items.push(make("li", { class: "note", text: "No parents: the data say nothing about it, and nothing drawn before does." }));
  find("parents").replaceChildren(...items);
  showWhy(knowledge, paths);
  markEverything();
}

function listParent(parent, path, missing, removable) {
  const mark = missing.has(parent) ? "missing" : removable.has(parent) ? "removable" : "";
  const button = make("button", {
    type: "button", id: `parent-${parent}`, "aria-pressed": String(parent === chosen.parent), class: `parent ${mark}`,
    on: { click: () => { chooseParent(parent); find(`parent-${parent}`)?.focus(); } },
    children: [
      make("span", { class: `name ${isObserved[parent] ? "observed" : "latent"}`, text: nameOf(parent) }),
      ...(mark ? [make("span", { class: "tag", text: mark })] : []),
      make("span", { class: "path", text: path ? drawPath(path) : "no open path" }),
    ],
  });
  return make("li", { children: [button] });
}

function showWhy(knowledge, paths) {
  const why = find("why");
  if (chosen.parent < 0) {
    why.replaceChildren();
    highlightPath([]);
    return;
  }
  const path = paths.get(chosen.parent);
  highlightPath(path ?? []);
  if (!path) {
    why.replaceChildren(make("p", {
      text: `${nameOf(chosen.latent)} does not need ${nameOf(chosen.parent)}: given everything else that is known by then, every path between them is closed.`,
    }));
    return;
  }
  const explained = explainPath(model, knowledge, path);
  const unknown = explained.filter((reason) => reason.why === "unknown").map((reason) => nameOf(reason.variable));
  const reasons = explained.filter((reason) => reason.why === "collider").map(({ variable, below }) => make("li", {
    text: `Both arrows point at ${nameOf(variable)}, and ${below === variable ? "it is known" : `${nameOf(below)} below it is known`}: its causes explain each other.`,
  }));
  if (unknown.length) {
    const passes = unknown.length === 1 ? "is not known yet, so it passes" : "are not known yet, so they pass";
    reasons.push(make("li", { text: `${unknown.join(", ")} ${passes} information on.` }));
  }
  const lead = path.length === 2
    ? `${nameOf(chosen.parent)} and ${nameOf(chosen.latent)} are joined in the model: no knowledge of other variables can come between.`
    : `${nameOf(chosen.latent)} needs ${nameOf(chosen.parent)}: along this path they stay dependent, whatever else is known by then.`;
  why.replaceChildren(make("p", { text: lead }), drawChain(path, knowledge), ...(reasons.length ? [make("ul", { children: reasons })] : []));
}

// The path by itself, from the parent to the latent; it goes on in the next line where a line is full.
function drawChain(path, knowledge) {
  const steps = path.map((v, i) => {
    const kind = `${isObserved[v] ? "observed" : "latent"}${i === 0 ? " because" : ""}${i === path.length - 1 ? " chosen" : ""}`;
    const state = knowledge.known[v] ? "known" : "not known";
    const step = make("span", { class: `step ${kind}`, title: `${nameOf(v)}: ${state}`, text: nameOf(v) });
    const arrow = i ? (model.parents[v].includes(path[i - 1]) ? "→" : "←") : "";
    return make("span", { class: "link", children: arrow ? [make("span", { class: "arrow", text: arrow }), step] : [step] });
  });
  return make("div", { class: "chain", role: "img", "aria-label": drawPath(path), children: steps });
}

// -- the certificate ---------------------------------------------------------------------------------

function showVerdict(view) {
  const verdict = find("verdict");
  const lines = [make("p", { class: view.missingCount ? "bad" : "good", text: view.sentence })];
  for (const [edges, count, word] of [[view.missing, view.missingCount, "missing"], [view.removable, view.removableCount, "removable"]]) {
    if (!count) continue;
    const items = edges.slice(0, MOST_LISTED).map(([parent, child]) => make("li", {
      children: [make("button", {
        type: "button", class: `parent ${word}`, text: `${nameOf(parent)} → ${nameOf(child)}`,
        on: { click: () => { chooseLatent(child, parent); find("explorer").scrollIntoView({ block: "start" }); } },
      })],
    }));
    if (count > items.length) items.push(make("li", { class: "note", text: `and ${(count - items.length).toLocaleString("en")} more` }));
    lines.push(make("h3", { text: say(count, `${word} edge`) }), make("ul", { class: "edges-list", children: items }));
  }
  verdict.replaceChildren(...lines);
}

// -- start -------------------------------------------------------------------------------------------

function start() {
  showOrders();
  modelPicture = showDrawing("model", data.drawing, "The model");
  find("download-orders").addEventListener("click", () => saveOrders(data));
  for (const name of ["inverse", "model"]) {
    find(`download-${name}`).addEventListener("click", () => savePicture(find(name).querySelector("svg"), `${data.title} ${name}`));
  }
  find("search").addEventListener("input", listLatents);
  find("latents").addEventListener("change", (event) => chooseLatent(Number(event.target.value)));
  find("all-latents").addEventListener("click", () => { chosen.onlyThese = null; listLatents(); });
  if (guideView >= 0) {
    find("guide-toggle").hidden = false;
    find("show-guide").addEventListener("change", markEverything);
  }
  chooseView(guideView >= 0 ? guideView : data.first);
  const missing = currentView().missing[0];
  if (missing) chooseLatent(missing[1], missing[0]);
  else chooseLatent(currentView().sampling[0]);
  document.documentElement.dataset.ready = "yes";
}

start();
