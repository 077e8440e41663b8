/* Facts: what was established, each on its own: it holds (true), fails (false) or is not established (null). */

const MAX_SHOWN = 3;

function fact(name, holds, detail, where = "") {
  return { name, holds, detail, where };
}

/* Collects what is wrong under one fact's name, while entries are read in order. */
class Faults {
  constructor(name) {
    this.name = name;
    this.found = [];
  }

  add(where, detail) {
    this.found.push([where, detail]);
  }

  fact(otherwise, holds = true) {
    return this.found.length ? failed(this.name, this.found) : fact(this.name, holds, otherwise);
  }
}

/* A failing fact out of places and what is wrong there; the first place is named as the place. */
function failed(name, faults) {
  const [where, detail] = faults[0];
  const others = faults.slice(1, MAX_SHOWN).map(([place, said]) => (place === "" ? said : t`${place}: ${said}`));
  const rest = faults.length - MAX_SHOWN;
  const parts = [detail, ...others.map((other) => t`; also ${other}`)];
  if (rest > 0) parts.push(t`; and ${rest} more`);
  return fact(name, false, joined(parts, ""), where);
}

function unestablished(names, because) {
  return names.map((name) => fact(name, null, because));
}

function entry(index) {
  return t`entry ${index}`;
}

/* Insertion of a default, as dictionaries have it. */
function setDefault(map, key, value) {
  if (!map.has(key)) map.set(key, value);
  return map.get(key);
}

function byCodePoint(a, b) {
  const left = [...a],
    right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0) - right[i].codePointAt(0);
  }
  return left.length - right.length;
}
