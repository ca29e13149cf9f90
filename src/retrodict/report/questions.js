"use strict";
// The panel in which evidence is chosen: boxes of the model are pressed, and the inverse of what is known then is drawn.

const evidence = new Set(data.observed);

function startQuestions() {
  if (!data.order.length) {
    find("questions").replaceChildren(make("p", {
      class: "note", text: "A model of so many variables has no picture here; ask rd.invert(net, given=[...]).",
    }));
    return;
  }
  find("evidence-none").addEventListener("click", () => askFor([]));
  find("evidence-data").addEventListener("click", () => askFor(data.observed));
  showQuestion();
}

function askFor(variables) {
  evidence.clear();
  for (const v of variables) evidence.add(v);
  showQuestion();
}

function toggleEvidence(v) {
  if (!evidence.delete(v)) evidence.add(v);
  showQuestion(v);
}

function showQuestion(focused = -1) {
  const found = invertFor(model, [...evidence].sort((a, b) => a - b), data.order);
  const places = new Map();
  for (const box of data.drawing.boxes) for (const v of box.members) places.set(v, box);
  const barren = new Set(found.filter((row) => row.barren).map((row) => row.variable));
  const lines = found.flatMap((row) => row.parents.map((p) => drawLine(places.get(p), places.get(row.variable))));
  const boxes = data.names.map((_, v) => makeEvidenceBox(places.get(v), v, barren.has(v)));
  const picture = makeSvg("svg", {
    viewBox: `0 0 ${data.drawing.width} ${data.drawing.height}`, width: data.drawing.width, height: data.drawing.height,
    role: "group", "aria-label": "The inverse of this evidence",
    children: [makeSvg("g", { class: "edges", children: lines }), ...boxes],
  });
  find("question").replaceChildren(picture);
  find("question-facts").textContent = describeQuestion(found);
  find("question-parents").replaceChildren(...found.map((row) => make("li", { text: describeNeed(row) })));
  if (focused >= 0) boxes[focused].focus();
}

function describeQuestion(found) {
  const edges = found.reduce((sum, row) => sum + row.parents.length, 0);
  return `${say(evidence.size, "variable")} known, ${say(edges, "edge")} of the inverse`;
}

function describeNeed(row) {
  const parents = row.parents.map(nameOf).join(", ") || "nothing";
  return `${nameOf(row.variable)}: ${parents}${row.barren ? " (from the model)" : ""}`;
}

function makeEvidenceBox(box, v, isBarren) {
  const kind = evidence.has(v) ? OBSERVED : isBarren ? BARREN : LATENT;
  const group = makeBox({ ...box, kind, members: [v] });
  fill(group, undefined, [], {
    click: () => toggleEvidence(v),
    keydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggleEvidence(v);
    },
  }, { tabindex: "0", "aria-pressed": String(evidence.has(v)), "aria-label": `${nameOf(v)}: known` });
  return group;
}

// A line between the borders of two boxes, bent a little, so that it does not hide behind the boxes between.
function drawLine(from, to) {
  const bend = 0.12;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const middle = { x: (from.x + to.x) / 2 - bend * dy, y: (from.y + to.y) / 2 + bend * dx };
  const start = leave(from, middle);
  const end = leave(to, middle);
  const length = Math.hypot(end.x - middle.x, end.y - middle.y) || 1;
  const [ux, uy] = [(end.x - middle.x) / length, (end.y - middle.y) / length];
  const head = [[end.x, end.y], [end.x - 9 * ux + 4 * uy, end.y - 9 * uy - 4 * ux], [end.x - 9 * ux - 4 * uy, end.y - 9 * uy + 4 * ux]];
  return makeSvg("g", {
    class: "edge plain",
    children: [
      makeSvg("path", { d: `M${start.x} ${start.y}Q${middle.x} ${middle.y} ${end.x - 6 * ux} ${end.y - 6 * uy}` }),
      makeSvg("path", { class: "head", d: `M${head.map((point) => point.join(" ")).join("L")}Z` }),
    ],
  });
}

// The point at which a line from the middle of a box towards another point leaves it.
function leave(box, towards) {
  const [dx, dy] = [towards.x - box.x, towards.y - box.y];
  const share = Math.min(box.width / 2 / (Math.abs(dx) || 1e-9), box.height / 2 / (Math.abs(dy) || 1e-9), 1);
  return { x: box.x + share * dx, y: box.y + share * dy };
}

startQuestions();
