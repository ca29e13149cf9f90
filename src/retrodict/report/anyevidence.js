"use strict";
// The inverse of any evidence, as retrodict/graph/borders.py finds it: a variable needs the known neighbors of its
// component among the unknown, in the moral graph of all that is known or above it. A test holds both together.

// Returns for each variable that is not known its parents and whether nothing known is below it: what is informed in the
// order given, then the rest in topological order.
function invertFor(model, given, order) {
  const n = model.parents.length;
  const state = { model, known: new Uint8Array(n), alive: new Uint8Array(n) };
  for (const v of given) {
    state.known[v] = 1;
    enliven(state, v);
  }
  const informed = state.alive.slice();
  const found = [];
  const drawn = [...order.filter((v) => informed[v]), ...model.parents.keys()].filter((v) => !state.known[v]);
  for (const v of new Set(drawn)) {
    enliven(state, v);
    found.push({ variable: v, parents: findBorder(state, v), barren: !informed[v] });
    state.known[v] = 1;
  }
  return found;
}

function enliven(state, variable) {
  const stack = [variable];
  while (stack.length) {
    const v = stack.pop();
    if (!state.alive[v]) {
      state.alive[v] = 1;
      stack.push(...state.model.parents[v]);
    }
  }
}

// Goes through whole families, each once, from unknown member to unknown member.
function findBorder({ model, known, alive }, variable) {
  const reached = new Set([variable]);
  const joined = new Set();
  const stack = [variable];
  const needed = [];
  while (stack.length) {
    const v = stack.pop();
    for (const family of [v, ...model.children[v]]) {
      if (joined.has(family) || !alive[family]) continue;
      joined.add(family);
      for (const member of [family, ...model.parents[family]]) {
        if (!reached.has(member)) {
          reached.add(member);
          (known[member] ? needed : stack).push(member);
        }
      }
    }
  }
  return needed.sort((a, b) => a - b);
}
