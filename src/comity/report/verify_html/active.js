/* Drawing where an answer teaches most, batch by batch, and what follows from such draws (comity.estimate.foreseen,
   .drawing and .drawn say why it holds). */

const FLOOR = 0.05;
const EDGE = 0.03;
const CERTAIN = 0.02;
const EXPERTS = [0.2, 0.3, 0.5];
const CARE = 0.9;
const DISTANCES = [0.025, 0.05, 0.1, 0.2, 0.3];
const LOG_SHARES = [0.02, 0.08, 0.4, 0.3, 0.2].map(Math.log);
const TRUST = 10;
const SUMMED = 0.8;
const OUTLIER = 25;
const LEAST_VARIANCE = 1e-6;
const BET_ROUNDING = 1e-9;
const GRID = 200;

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/* One regression: its sufficient statistics, and the coefficients that follow (Cholesky's decomposition). */
class Ridge {
  constructor(variances) {
    this.gram = variances.map((variance, i) => variances.map((_, j) => (i === j ? 1 / variance : 0)));
    this.right = variances.map(() => 0);
    this.coefficients = variances.map(() => 0);
  }

  add(row, weight, rest) {
    row.forEach((left, i) => {
      const weighted = weight * left;
      this.right[i] += weighted * rest;
      row.forEach((other, j) => (this.gram[i][j] += weighted * other));
    });
  }

  solve() {
    const size = this.right.length,
      lower = this.right.map(() => new Array(size).fill(0)),
      half = new Array(size).fill(0);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        let rest = this.gram[i][j];
        for (let k = 0; k < j; k++) rest -= lower[i][k] * lower[j][k];
        if (i === j && !(rest > 0)) throw new Refused(t`the frame's predictor gives no prediction`);
        lower[i][j] = i === j ? Math.sqrt(rest) : rest / lower[j][j];
      }
    }
    for (let i = 0; i < size; i++) {
      let rest = this.right[i];
      for (let k = 0; k < i; k++) rest -= lower[i][k] * half[k];
      half[i] = rest / lower[i][i];
    }
    for (let i = size - 1; i >= 0; i--) {
      let rest = half[i];
      for (let k = i + 1; k < size; k++) rest -= lower[k][i] * this.coefficients[k];
      this.coefficients[i] = rest / lower[i][i];
    }
  }
}

/* What is predicted after the answers so far. */
class Fit {
  constructor(predictor) {
    this.predictor = predictor;
    this.asked = 0;
    this.right = 0;
    const informed = predictor.columns.length > 0;
    this.rows = predictor.base.map((_, i) => predictor.columns.map((column) => column[i]));
    const widths = informed ? [predictor.levels, predictor.columns.length] : [];
    this.ridges = widths.map((width) => new Ridge(predictor.variances.slice(0, width)));
    this.scores = informed ? EXPERTS.map(Math.log) : [0];
  }

  flat() {
    return (this.right + this.predictor.centre) / (this.asked + 1);
  }

  guess(ridge, item) {
    return ridge.coefficients.reduce((all, each, i) => all + each * this.rows[item][i], this.predictor.base[item]);
  }

  predictions() {
    const top = Math.max(...this.scores),
      shares = this.scores.map((score) => Math.exp(score - top));
    const whole = shares.reduce((a, b) => a + b),
      flat = (shares[0] / whole) * clip(this.flat(), 0, 1);
    return this.rows.map((_, item) => {
      let mixed = flat;
      this.ridges.forEach((ridge, k) => {
        mixed += (shares[k + 1] / whole) * clip(this.guess(ridge, item), 0, 1);
      });
      return Math.min(mixed, 1);
    });
  }

  observe(answers) {
    const known = answers.filter(([, outcome]) => outcome !== null);
    const guesses = [
      known.map(() => this.flat()),
      ...this.ridges.map((ridge) => known.map(([item]) => this.guess(ridge, item))),
    ];
    guesses.forEach((line, place) =>
      line.forEach((guess, i) => {
        const sure = clip(guess, CERTAIN, 1 - CERTAIN),
          outcome = known[i][1];
        this.scores[place] += outcome * Math.log(sure) + (1 - outcome) * Math.log1p(-sure);
      }),
    );
    for (const [item, outcome] of known) {
      const base = this.predictor.base[item],
        inner = clip(base, EDGE, 1 - EDGE);
      for (const ridge of this.ridges) {
        ridge.add(this.rows[item].slice(0, ridge.right.length), 1 / (inner * (1 - inner)), outcome - base);
      }
    }
    for (const ridge of this.ridges) ridge.solve();
    this.asked += known.length;
    this.right += known.reduce((all, [, outcome]) => all + outcome, 0);
  }
}

/* The exponential clock of an item: out of the first 52 bits of a hash. */
async function clockOf(seed, item) {
  const digest = await sha256(utf8(`comity draw/1\n${seed}\n${item}`));
  let bits = 0;
  for (let i = 0; i < 6; i++) bits = bits * 256 + digest[i];
  return -Math.log((bits * 16 + (digest[6] >> 4) + 0.5) / 2 ** 52);
}

/* A run's draws, as far as its scores are known: { placed, draws, decision, final, left }. */
async function drawAgain(design, frame, seed, scores) {
  const clocks = await Promise.all(frame.items.map((item) => clockOf(seed, item)));
  const fit = new Fit(frame.predictor),
    bank = frame.items.length,
    placed = [],
    draws = [],
    order = [];
  const bets = design.threshold === null ? null : new Bets(bank, design.threshold, design.level);
  let left = frame.items.map((_, i) => i);
  const decision = () => (bets === null ? "open" : bets.decided);
  while (draws.length < design.items && !(decision() !== "open" && draws.length >= design.least)) {
    const size = Math.min(design.batch, design.items - draws.length, left.length);
    const batch = drawBatch(fit.predictions(), left, size, design.mix, bets !== null, clocks);
    for (const { i, draw } of batch) {
      placed.push({ item: frame.items[i], place: placed.length, probability: draw.probability, stratum: null });
    }
    left = left.filter((i) => !batch.some((one) => one.i === i));
    if (batch.some(({ i }) => !scores.has(frame.items[i]))) break;
    for (const { i, draw } of batch) {
      draw.outcome = scores.get(frame.items[i]);
      draws.push(draw);
      order.push(i);
      bets?.take(draw);
    }
    fit.observe(batch.map(({ i, draw }) => [i, draw.outcome]));
  }
  const last = fit.predictions();
  return {
    placed,
    draws,
    decision: decision(),
    final: order.map((i) => last[i]),
    left: left.reduce((all, i) => all + last[i], 0),
  };
}

function drawBatch(predicted, left, size, mix, deciding, clocks) {
  const items = left.length,
    spread = new Map(),
    taught = new Map(),
    weights = new Map();
  let all = 0;
  for (const i of left) {
    const sure = clip(predicted[i], FLOOR, 1 - FLOOR);
    spread.set(i, sure * (1 - sure));
    taught.set(i, deciding ? Math.sqrt(spread.get(i)) : spread.get(i));
    all += taught.get(i);
  }
  for (const i of left) weights.set(i, mix / items + ((1 - mix) * taught.get(i)) / all);
  const arrivals = left.map((i) => [clocks[i] / weights.get(i), i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let whole = 0,
    rest = 0,
    foreseen = 0,
    below = 0,
    above = 0;
  for (const i of left) {
    const weight = weights.get(i);
    whole += weight;
    rest += predicted[i];
    foreseen += spread.get(i) / weight;
    below = Math.max(below, predicted[i] / weight);
    above = Math.max(above, (1 - predicted[i]) / weight);
  }
  const found = arrivals.slice(0, size).map(([, i], place) => {
    const count = items - place,
      weight = weights.get(i);
    const draw = {
      outcome: null,
      probability: weight / whole,
      predicted: predicted[i],
      rest,
      low: -below * whole,
      high: above * whole,
      variance: (foreseen * whole * (count / items)) / count ** 2,
    };
    whole -= weight;
    rest -= predicted[i];
    return { i, draw };
  });
  const last = arrivals[size - 1][0];
  for (const [, i] of arrivals.slice(size)) clocks[i] -= last * weights.get(i);
  return found;
}

class Side {
  constructor(sign) {
    Object.assign(this, { sign, known: 0, capital: 0, guess: 0, weight: 0 });
  }

  bet(draw, mean, scale, left, correction) {
    const outcome = draw.outcome ?? (this.sign > 0 ? 0 : 1);
    const none = (left * scale * mean - this.known) / left,
      x = (draw.rest + (outcome - draw.predicted) / draw.probability) / left;
    const worst = this.sign > 0 ? draw.low : draw.high,
      loss = this.sign * (none - (draw.rest + worst) / left),
      gain = this.sign * (x - none);
    if (gain < -loss - BET_ROUNDING) throw new Refused(t`a draw lies outside the bounds that it states`);
    const variance = Math.max(draw.variance * correction, LEAST_VARIANCE);
    const distance = this.weight ? this.sign * (this.guess / this.weight - mean) : 0;
    let stake = stakeOf(distance, this.weight, scale, variance);
    if (loss > 0) stake = Math.min(stake, CARE / loss);
    this.capital += Math.log1p(stake * Math.max(gain, -Math.max(loss, 0)));
    const precision = (scale * scale) / variance;
    this.guess += (precision * (this.known + left * x)) / (left * scale);
    this.weight += precision;
    this.known += outcome;
  }
}

/* The bets for and against one mean of a bank. */
class Bets {
  constructor(bank, mean, level) {
    Object.assign(this, { bank, mean, taken: 0, decided: "open", seen: TRUST, foreseen: TRUST });
    this.above = new Side(1);
    this.below = new Side(-1);
    this.goal = Math.log(2 / (1 - level));
  }

  take(draw) {
    const left = this.bank - this.taken,
      correction = this.seen / this.foreseen;
    if (this.decided === "open") {
      for (const side of [this.above, this.below]) side.bet(draw, this.mean, this.bank / left, left, correction);
    }
    if (draw.outcome !== null) {
      const surprise = (draw.outcome - draw.predicted) / draw.probability / left;
      this.seen += Math.min((surprise * surprise) / Math.max(draw.variance, LEAST_VARIANCE), OUTLIER);
      this.foreseen++;
    }
    this.taken++;
    if (this.decided === "open") {
      const needed = this.bank * this.mean;
      if (this.above.capital >= this.goal || this.above.known > needed + BET_ROUNDING) this.decided = "above";
      else if (this.below.capital >= this.goal || this.below.known + left - 1 < needed - BET_ROUNDING)
        this.decided = "below";
    }
    return this.decided;
  }
}

function stakeOf(distance, weight, scale, variance) {
  const logs = DISTANCES.map((possible, k) => LOG_SHARES[k] - 0.5 * weight * (distance - possible) ** 2);
  const top = Math.max(...logs);
  let all = 0,
    mean = 0;
  logs.forEach((log, k) => {
    const part = Math.exp(log - top);
    all += part;
    mean += part * DISTANCES[k];
  });
  const edge = (mean / all) * scale;
  return edge / (variance + edge * edge);
}

function isOpen(draws, bank, mean, level) {
  const bets = new Bets(bank, mean, level);
  return draws.every((draw) => bets.take(draw) === "open");
}

function drawnMean(draws, bank) {
  let weights = 0,
    guesses = 0,
    known = 0;
  draws.forEach((draw, place) => {
    const left = bank - place,
      outcome = draw.outcome ?? draw.predicted;
    const x = (draw.rest + (outcome - draw.predicted) / draw.probability) / left;
    const weight = (bank / left) ** 2 / Math.max(draw.variance, LEAST_VARIANCE);
    weights += weight;
    guesses += (weight * (known + left * x)) / bank;
    known += outcome;
  });
  return guesses / weights;
}

function assistedMean(draws, bank, final, left) {
  let rest = left + final.reduce((a, b) => a + b, 0),
    known = left;
  const anew = draws.map((draw, place) => {
    const made = { ...draw, predicted: final[place], rest };
    rest -= final[place];
    known += draw.outcome ?? final[place];
    return made;
  });
  return (SUMMED * known) / bank + (1 - SUMMED) * drawnMean(anew, bank);
}

/* The means that no bet refuted at any time. */
function drawnInterval(draws, bank, level) {
  const point = clip(drawnMean(draws, bank), 0, 1);
  const known = draws.filter(({ outcome }) => outcome !== null);
  if (known.length === bank) {
    const rate = known.reduce((all, { outcome }) => all + outcome, 0) / bank;
    return [rate, rate, rate];
  }
  const stays = [];
  for (let step = 0; step <= GRID; step++) if (isOpen(draws, bank, step / GRID, level)) stays.push(step / GRID);
  let low = stays.length ? stays[0] : point,
    high = stays.length ? stays.at(-1) : point;
  low = endOf(draws, bank, level, Math.max(low - 1 / GRID, 0), Math.min(low, point));
  high = endOf(draws, bank, level, Math.min(high + 1 / GRID, 1), Math.max(high, point));
  return [clip(point, low, high), low, high];
}

function endOf(draws, bank, level, outside, inside) {
  if (isOpen(draws, bank, outside, level)) return outside;
  while (Math.abs(outside - inside) > 1e-5) {
    const middle = (outside + inside) / 2;
    if (isOpen(draws, bank, middle, level)) inside = middle;
    else outside = middle;
  }
  return outside;
}

function estimateDrawn({ draws, final, left }, bank, level) {
  const judged = draws.filter(({ outcome }) => outcome !== null),
    missing = draws.length - judged.length;
  const [known, low, high] = drawnInterval(draws, bank, level);
  const assisted = (whatever) => {
    if (judged.length === bank) return known;
    const told = draws.map((draw) => (draw.outcome === null ? { ...draw, outcome: whatever } : draw));
    return assistedMean(told, bank, final, left);
  };
  const point = clip(assisted(null), low, high);
  const [worstLow, worstHigh] = missing ? [assisted(0), assisted(1)] : [point, point];
  return {
    point: sixPlaces(point),
    low: down(low),
    high: up(high),
    level: twelveDigits(level),
    method: "betting-drawn",
    n: judged.length,
    successes: judged.filter(({ outcome }) => outcome === 1).length,
    missing,
    worst_low: down(Math.max(0, Math.min(worstLow, point))),
    worst_high: up(Math.min(1, Math.max(worstHigh, point))),
    bank,
  };
}

function decideDrawn(drawn, bank, threshold, level) {
  const bets = new Bets(bank, threshold, level);
  for (const draw of drawn.draws) bets.take(draw);
  const judged = drawn.draws.some(({ outcome }) => outcome !== null);
  const { low, high } = judged ? estimateDrawn(drawn, bank, level) : { low: "0.000000", high: "1.000000" };
  return { low, high, decision: bets.decided, method: "betting-drawn" };
}
