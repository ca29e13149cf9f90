"use strict";
// Files that the page makes of what it shows, for the browser to save: nothing leaves the machine.

// Looks that come from the style sheet, which a picture by itself does not have.
const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-size",
  "font-family", "text-anchor"];

function saveFile(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(-100);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function saveOrders(data) {
  const head = ["order", "edges", "depth", "width", "multiplications", "missing", "removable"];
  const rows = data.views.map((view) => [
    view.title, view.edges, view.depth, view.width, view.cost ?? "", view.missingCount, view.removableCount,
  ]);
  saveFile(`${data.title}-orders.csv`, "text/csv", writeCsv([head, ...rows]));
}

// RFC 4180: commas between cells, quotes round those that hold a comma, a quote or the end of a line.
function writeCsv(rows) {
  const write = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
  return rows.map((row) => `${row.map(write).join(",")}\r\n`).join("");
}

function savePicture(picture, name) {
  saveFile(`${name}.svg`, "image/svg+xml", writePicture(picture));
}

// The picture as it looks now. Looks become attributes of each element; the page's policy would refuse styles.
function writePicture(picture) {
  const copy = picture.cloneNode(true);
  const shown = [picture, ...picture.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, place) => {
    const looks = getComputedStyle(shown[place]);
    for (const look of LOOKS) element.setAttribute(look, looks.getPropertyValue(look));
    for (const name of ["class", "tabindex", "role", "aria-label"]) element.removeAttribute(name);
  });
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", getComputedStyle(document.documentElement).getPropertyValue("--sheet").trim());
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}
