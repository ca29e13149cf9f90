"use strict";
// Open paths that prove edges: the search of retrodict/graph/evidence.py, step by step, so that both find the same ones.
// A test holds them together on random models. Variables are numbers; a model has .parents and .children, lists by number.

const UP = 0;
const DOWN = 1;
const NOTHING = -1;

// What is known, and for each variable up to two known variables at or below it: a collider is open without u exactly
// if one that is not u lies at or below it.
function learn(model, given) {
  const n = model.parents.length;
  const knowledge = {
    known: new Uint8Array(n),
    one: new Int32Array(n).fill(NOTHING),
    other: new Int32Array(n).fill(NOTHING),
    way: new Int32Array(n).fill(NOTHING),
  };
  for (const variable of given) tell(model, knowledge, variable);
  return knowledge;
}

function tell(model, knowledge, variable) {
  knowledge.known[variable] = 1;
  const stack = [[variable, NOTHING]];
  while (stack.length) {
    const [v, below] = stack.pop();
    if (knowledge.one[v] === NOTHING) {
      knowledge.one[v] = variable;
      knowledge.way[v] = below;
    } else if (knowledge.other[v] === NOTHING && knowledge.one[v] !== variable) {
      knowledge.other[v] = variable;
    } else {
      continue;
    }
    for (const parent of model.parents[v]) stack.push([parent, v]);
  }
}

// Returns a Map from each wanted variable that the child needs to an open path, from that variable to the child, given
// all that is known, the variable aside. Those that the child does not need have none.
function traceOpenPaths(model, knowledge, child, wanted) {
  const { cameFrom, arrivals } = rollBall(model, knowledge, child, new Set(wanted));
  const paths = new Map();
  for (const [target, state] of arrivals) {
    paths.set(target, traceBack(knowledge, cameFrom, state, target).map((s) => s >> 1).reverse());
  }
  return paths;
}

// Rolls the Bayes ball breadth first until all that is wanted is met; state 2 v + direction is one number.
function rollBall(model, knowledge, child, wanted) {
  const { known, one } = knowledge;
  const start = 2 * child + UP;
  const cameFrom = new Map([[start, NOTHING]]);
  const queue = [start];
  const arrivals = new Map();
  for (let next = 0; next < queue.length; next += 1) {
    const state = queue[next];
    const v = state >> 1;
    if (wanted.delete(v)) {
      arrivals.set(v, state);
      if (wanted.size === 0) break;
    }
    const moves = [];
    if ((state & 1) === DOWN ? one[v] !== NOTHING : !known[v]) {
      for (const parent of model.parents[v]) moves.push(2 * parent + UP);
    }
    if (!known[v]) {
      for (const below of model.children[v]) moves.push(2 * below + DOWN);
    }
    for (const move of moves) {
      if (!cameFrom.has(move)) {
        cameFrom.set(move, state);
        queue.push(move);
      }
    }
  }
  return { cameFrom, arrivals };
}

// Returns the states from the child to the target, led down to it where it alone opens a collider.
function traceBack(knowledge, cameFrom, arrival, target) {
  const states = [];
  for (let state = arrival; state !== NOTHING; state = cameFrom.get(state)) states.push(state);
  states.reverse();
  for (let place = 1; place < states.length - 1; place += 1) {
    const collides = (states[place] & 1) === DOWN && (states[place + 1] & 1) === UP;
    if (collides && !isOpenWithout(knowledge, states[place] >> 1, target)) {
      return leadDown(knowledge, states.slice(0, place + 1), target);
    }
  }
  return states;
}

function isOpenWithout(knowledge, variable, target) {
  const first = knowledge.one[variable];
  return (first !== NOTHING && first !== target) || knowledge.other[variable] !== NOTHING;
}

// Goes from the last of these states down to the target; where the way down meets them, the detour is cut out.
function leadDown(knowledge, states, target) {
  const place = new Map(states.map((state, index) => [state >> 1, index]));
  let cut = states.length - 1;
  let down = [];
  let v = states[cut] >> 1;
  while (v !== target) {
    v = knowledge.way[v];
    down.push(2 * v + DOWN);
    if (place.has(v)) {
      cut = place.get(v);
      down = [];
    }
  }
  return states.slice(0, cut + 1).concat(down);
}

// Says for each variable between the ends of a path why it lets information through.
function explainPath(model, knowledge, path) {
  const reasons = [];
  const target = path[0];
  for (let i = 1; i < path.length - 1; i += 1) {
    const v = path[i];
    const collides = model.parents[v].includes(path[i - 1]) && model.parents[v].includes(path[i + 1]);
    if (!collides) {
      reasons.push({ variable: v, why: "unknown" });
    } else {
      const below = knowledge.one[v] !== target ? knowledge.one[v] : knowledge.other[v];
      reasons.push({ variable: v, why: "collider", below });
    }
  }
  return reasons;
}
