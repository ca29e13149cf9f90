// The live page: Pyodide is loaded once, then each text is inverted by the Python of this package, here in the browser.
"use strict";

const here = new URL(".", document.currentScript.src).href;
const find = (id) => document.getElementById(id);
const say = (text) => { find("live-status").textContent = text; };

async function start() {
  const begun = performance.now();
  const python = await loadPyodide({ indexURL: here });
  const site = python.runPython("import site; site.getsitepackages()[0]");
  for (const name of ["numpy.zip", "retrodict.zip"]) {
    const answer = await fetch(here + name);
    if (!answer.ok) throw new Error(`${name} is not there`);
    python.unpackArchive(await answer.arrayBuffer(), "zip", { extractDir: site });
  }
  python.FS.writeFile(`${site}/inverter.py`, await (await fetch(here + "inverter.py")).text());
  const show = python.pyimport("inverter").show;
  show("a; b | a").destroy();  // what is imported late is imported now
  say(`Loaded in ${((performance.now() - begun) / 1000).toFixed(1)} s. Everything runs on your machine; nothing is sent.`);
  return show;
}

function invert(show) {
  const begun = performance.now();
  const answer = show(find("live-text").value, find("live-observed").value);
  const { page, error } = answer.toJs({ dict_converter: Object.fromEntries });
  answer.destroy();
  find("live-error").textContent = error || "";
  find("live-report").hidden = !page;
  if (!page) return;
  find("live-report").srcdoc = page;
  const seconds = ((performance.now() - begun) / 1000).toFixed(2);
  say(`Inverted, certified and drawn under every order in ${seconds} s.`);
  document.documentElement.dataset.live = seconds;
}

async function main() {
  if (location.protocol === "file:") {
    say("Browsers do not let a page read files beside it. Serve the site: python -m http.server -d build/site");
    return;
  }
  say("Loading Python, some 15 MB ...");
  try {
    const show = await start();
    find("live-go").disabled = false;
    find("live-go").addEventListener("click", () => invert(show));
    find("live-file").addEventListener("change", async (event) => {
      find("live-text").value = await event.target.files[0].text();
      invert(show);
    });
    invert(show);
  } catch (problem) {
    say(`Python could not be loaded: ${problem.message}`);
  }
}

main();
