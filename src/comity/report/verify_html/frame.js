/* Frames: what a stratified or an active sample is drawn from, the stratified sample, and the rate that it shows
   (comity.estimate.frame and comity.estimate.strata say why it holds). */

const BILLION = 1e9;
const MAX_COLUMNS = 64;
const MAX_STRATA = 100;
const MAX_FRAME_ITEMS = 100000;
const MAX_WEIGHT = 1e6;
const SAMPLE_METHODS = {
  __proto__: null,
  srs: ["wilson", "clopper-pearson", "jeffreys", "betting-bank"],
  stratified: ["korn-graubard", "clopper-pearson"],
  active: ["betting-drawn"],
};

function noFrame() {
  return new Refused(t`no frame of a sample (comity frame/1)`);
}

function wholeFrom(value, least, most) {
  if (!Number.isSafeInteger(value) || value < least || value > most) throw noFrame();
  return value;
}

function listOf(value, read) {
  if (!Array.isArray(value)) throw noFrame();
  return value.map(read);
}

function textOf(value) {
  if (typeof value !== "string") throw noFrame();
  return value;
}

function readFrame(data) {
  const members = parseCanonical(data, SIZES["frame.json"]);
  const names = ["format", "history", "items", "predictor", "strata", "stratum", "weights"];
  if (!hasExactly(members, ...names) || members.format !== "comity frame/1") throw noFrame();
  const items = listOf(members.items, textOf);
  const sorted = [...new Set(items)].sort(byCodePoint);
  if (!items.length || items.length > MAX_FRAME_ITEMS || sorted.length !== items.length) throw noFrame();
  if (items.some((item, place) => item !== sorted[place])) throw noFrame();
  const strata = listOf(members.strata, textOf);
  const stratum = listOf(members.stratum, (place) => wholeFrom(place, 0, strata.length - 1));
  const whole = stratum.length === (strata.length ? items.length : 0) && new Set(stratum).size === strata.length;
  if (new Set(strata).size !== strata.length || strata.length > MAX_STRATA || !whole) throw noFrame();
  const weights = listOf(members.weights, (weight) => wholeFrom(weight, 1, MAX_WEIGHT));
  if (weights.length !== strata.length) throw noFrame();
  const history = listOf(members.history, (one) => {
    if (!isObject(one)) throw noFrame();
    const { model, organisation, family, date, sha256: digest } = one;
    [model, organisation, family, date, digest].forEach(textOf);
    return { model, organisation, family, date, sha256: digest };
  });
  if (!isObject(members.predictor)) throw noFrame();
  const predictor = Object.keys(members.predictor).length ? readPredictor(members.predictor, items.length) : null;
  const sizes = strata.map(() => 0);
  for (const place of stratum) sizes[place]++;
  return { items, strata, stratum, sizes, weights, history, predictor };
}

function readPredictor(members, items) {
  if (!hasExactly(members, "base", "centre", "columns", "levels", "variances")) throw noFrame();
  const share = (value) => wholeFrom(value, 0, BILLION) / BILLION;
  const far = 1e6 * BILLION;
  const base = listOf(members.base, share);
  const columns = listOf(members.columns, (column) => listOf(column, (value) => wholeFrom(value, -far, far) / BILLION));
  const variances = listOf(members.variances, (value) => wholeFrom(value, 1, far) / BILLION);
  if (base.length !== items || columns.some((column) => column.length !== items)) throw noFrame();
  if (columns.length > MAX_COLUMNS || variances.length !== columns.length) throw noFrame();
  const levels = wholeFrom(members.levels, Math.min(1, columns.length), columns.length);
  return { centre: share(members.centre), base, columns, variances, levels };
}

/* How many of n units each stratum gets: two first, then one after the other by Webster's method. */
function allocate(n, sizes, weights) {
  const given = sizes.map((size) => Math.min(2, size));
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  if (!sizes.length || n < sum(given) || n > sum(sizes)) {
    throw new Refused(t`${n} units over ${sizes.length} strata, expected ${sum(given)} to ${sum(sizes)}`);
  }
  for (let left = n - sum(given); left > 0; left--) {
    let best = -1;
    sizes.forEach((size, h) => {
      if (given[h] >= size) return;
      const ours = BigInt(size * weights[h]) * BigInt(2 * (given[best] ?? 0) + 1);
      if (best < 0 || ours > BigInt(sizes[best] * weights[best]) * BigInt(2 * given[h] + 1)) best = h;
    });
    given[best]++;
  }
  return given;
}

/* Of each stratum the first items in the order of the seed, as many as it gets; in that order they are asked. */
async function stratifiedSample(frame, seed, n) {
  const counts = allocate(n, frame.sizes, frame.weights);
  const keyed = await Promise.all(
    frame.items.map(async (item, at) => [await sha256Hex(utf8(`comity selection/1\n${seed}\n${item}`)), item, at]),
  );
  keyed.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const taken = counts.map(() => 0),
    found = [];
  for (const [, item, at] of keyed) {
    const h = frame.stratum[at];
    if (taken[h] >= counts[h]) continue;
    taken[h]++;
    found.push({ item, place: found.length, probability: counts[h] / frame.sizes[h], stratum: h });
  }
  return found;
}

/* The most by which the mean of a sample with so many units a stratum can be off the bank's rate. */
function disproportion(sizes, counts) {
  const bank = sizes.reduce((a, b) => a + b, 0),
    n = counts.reduce((a, b) => a + b, 0);
  return sizes.reduce((all, size, h) => all + Math.abs(counts[h] / n - size / bank), 0) / 2;
}

/* Strata as they were judged: size, n, right and missing of each. */
function judgedStrata(frame, placed, scores) {
  return frame.sizes.map((size, h) => {
    const own = placed.filter((one) => one.stratum === h).map((one) => scores.get(one.item) ?? null);
    const judged = own.filter((score) => score !== null);
    return {
      size,
      n: judged.length,
      right: judged.filter((score) => score === 1).length,
      missing: own.length - judged.length,
    };
  });
}

function total(strata, name) {
  return strata.reduce((all, one) => all + one[name], 0);
}

function estimateStrata(method, strata, level) {
  const bank = total(strata, "size"),
    n = total(strata, "n"),
    successes = total(strata, "right");
  const weighed = (rate) => strata.reduce((all, one) => all + (one.size / bank) * rate(one), 0);
  const point = Math.min(Math.max(weighed((one) => (one.n ? one.right / one.n : 0.5)), 0), 1);
  let [low, high] = method === "clopper-pearson" ? METHODS[method](successes, n, level) : kornGraubard(strata, point, level);
  const off =
    method === "clopper-pearson"
      ? disproportion(
          strata.map((one) => one.size),
          strata.map((one) => one.n),
        )
      : weighed((one) => (one.n ? 0 : 1)) / 2;
  if (method === "clopper-pearson") {
    low = Math.min(low, successes / n);
    high = Math.max(high, successes / n);
  }
  const worst = (right) =>
    weighed((one) => {
      const whole = one.n + one.missing;
      return whole ? (one.right + (right ? one.missing : 0)) / whole : Number(right);
    });
  return {
    point: sixPlaces(point),
    low: down(Math.max(0, Math.min(low - off, point))),
    high: up(Math.min(1, Math.max(high + off, point))),
    level: twelveDigits(level),
    method,
    n,
    successes,
    missing: total(strata, "missing"),
    worst_low: down(Math.max(0, Math.min(worst(false), point))),
    worst_high: up(Math.min(1, Math.max(worst(true), point))),
    bank,
    strata: strata.length,
  };
}

/* Clopper and Pearson's interval at the effective number of units (E. Korn and B. Graubard, 1998). */
function kornGraubard(strata, point, level) {
  const bank = total(strata, "size"),
    n = total(strata, "n");
  let variance = 0,
    smooth = 0;
  for (const { size, n: judged, right } of strata) {
    const rate = (right + 0.5) / (judged + 1),
      weight = size / bank;
    smooth += weight * rate;
    if (judged) variance += (weight ** 2 * (1 - judged / size) * rate * (1 - rate)) / judged;
  }
  if (variance <= 0) return [point, point];
  const sure = (1 + level) / 2,
    freedom = Math.max(1, n - strata.filter((one) => one.n > 0).length);
  const cost = studentQuantile(sure, Math.max(1, n - 1)) / studentQuantile(sure, freedom);
  const effective = ((smooth * (1 - smooth)) / variance) * cost * cost;
  const right = effective * point,
    wrong = effective * (1 - point),
    tail = (1 - level) / 2;
  return [
    right < 1e-9 ? 0 : betaQuantile(tail, right, wrong + 1),
    wrong < 1e-9 ? 1 : 1 - betaQuantile(tail, wrong, right + 1),
  ];
}

/* By pooled counts, with what is missing wrong and with it right; exact where the allocation is proportional. */
function decidePooled(frame, placed, scores, threshold, level) {
  const strata = judgedStrata(frame, placed, scores);
  const right = total(strata, "right"),
    n = placed.length;
  const off = disproportion(
    strata.map((one) => one.size),
    strata.map((one) => one.n + one.missing),
  );
  const pooled = (successes) => {
    const [low, high] = METHODS["clopper-pearson"](successes, n, level);
    return [Math.min(low, successes / n), Math.max(high, successes / n)];
  };
  const low = down(Math.max(0, pooled(right)[0] - off)),
    high = up(Math.min(1, pooled(right + total(strata, "missing"))[1] + off));
  const decision = Number(low) > threshold ? "above" : Number(high) < threshold ? "below" : "open";
  return { low, high, decision, method: "clopper-pearson" };
}
