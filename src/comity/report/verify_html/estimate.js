/* Estimates: rates with their intervals, by the formulas of comity.estimate, to the sixth place that reports print. */

const MILLION = 1e6;
const ROUNDING = 1e-6;

/* ln Γ(x) for x > 0 (C. Lanczos, 1964, with the coefficients of P. Godfrey for g = 7). */
function logGamma(x) {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  if (x > 1e4) {
    const inverse = 1 / (x * x);
    const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
  }
  const z = x - 1,
    base = z + 7.5;
  const sum = terms.slice(1).reduce((all, term, i) => all + term / (z + i + 1), terms[0]);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(base) - base + Math.log(sum);
}

/* 1 − erf(x) for x ≥ 0: the series below 2, the continued fraction above (DLMF 7.6.2, 7.9.1). */
function complementaryError(x) {
  if (x < 2) {
    let term = x,
      sum = x;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/* The z that a standard normal variable stays below with chance p (P. J. Acklam, 2003, and a step of Halley's). */
function normalQuantile(p) {
  if (p > 0.5) return -normalQuantile(1 - p);
  const a = [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ];
  const b = [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1,
  ];
  const c = [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];
  const at = (coefficients, x) => coefficients.reduce((value, each) => value * x + each, 0);
  const q = p < 0.02425 ? Math.sqrt(-2 * Math.log(p)) : p - 0.5;
  const z = p < 0.02425 ? at(c, q) / at(d, q) : (q * at(a, q * q)) / at(b, q * q);
  const error = 0.5 * complementaryError(-z / Math.SQRT2) - p;
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2);
  return z - step / (1 + (z * step) / 2);
}

/* The chance that a Beta(a, b) variable is at most x (DLMF 8.17.22, the modified Lentz method). */
function regularisedBeta(x, a, b) {
  if (x === 0 || x === 1) return x;
  const front = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  if (x <= (a + 1) / (a + b + 2)) return Math.min(1, (Math.exp(front) * betaFraction(x, a, b)) / a);
  return Math.max(0, 1 - (Math.exp(front) * betaFraction(1 - x, b, a)) / b);
}

function betaFraction(x, a, b) {
  const away = (value) => (Math.abs(value) > 1e-300 ? value : 1e-300);
  let upper = 1,
    lower = 1 / away(1 - ((a + b) * x) / (a + 1)),
    value = lower;
  for (let m = 1; m < 200000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const coefficient of [even, odd]) {
      lower = 1 / away(1 + coefficient * lower);
      upper = away(1 + coefficient / upper);
      value *= lower * upper;
    }
    if (Math.abs(lower * upper - 1) <= 4e-16) break;
  }
  return value;
}

function betaQuantile(p, a, b) {
  let low = 0,
    high = 1;
  for (let i = 0; i < 1100; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (regularisedBeta(middle, a, b) < p) low = middle;
    else high = middle;
    if (high - low <= high * 4e-16) break;
  }
  return (low + high) / 2;
}

/* The t that a variable of Student's distribution stays below with chance p above a half. */
function studentQuantile(p, freedom) {
  if (p > 0.9) {
    const rest = betaQuantile(2 * (1 - p), freedom / 2, 0.5);
    return Math.sqrt((freedom * (1 - rest)) / rest);
  }
  const share = betaQuantile(2 * p - 1, 0.5, freedom / 2);
  return Math.sqrt((freedom * share) / (1 - share));
}

const METHODS = {
  __proto__: null,
  wilson: (successes, n, level) => {
    const z = normalQuantile((1 + level) / 2),
      rate = successes / n;
    const spread = z * Math.sqrt((rate * (1 - rate)) / n + (z / n) ** 2 / 4);
    const centre = rate + (z * z) / (2 * n),
      scale = 1 + (z * z) / n;
    return [successes === 0 ? 0 : (centre - spread) / scale, successes === n ? 1 : (centre + spread) / scale];
  },
  "betting-bank": bettingWhatever,
  jeffreys: (successes, n, level) => {
    const tail = (1 - level) / 2,
      right = successes + 0.5,
      wrong = n - successes + 0.5;
    return [
      successes === 0 ? 0 : betaQuantile(tail, right, wrong),
      successes === n ? 1 : 1 - betaQuantile(tail, wrong, right),
    ];
  },
  "clopper-pearson": (successes, n, level) => {
    const tail = (1 - level) / 2;
    return [
      successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
      successes === n ? 1 : 1 - betaQuantile(tail, n - successes, successes + 1),
    ];
  },
};

/* The members of one estimate in a report: decimals as texts, intervals rounded outwards. */
function estimateRate(method, successes, n, level, missing, bank = null) {
  const point = successes / n,
    whole = n + missing;
  const [low, high] = METHODS[method](successes, n, level, missing, bank);
  return {
    point: sixPlaces(point),
    low: down(Math.max(0, Math.min(low, point))),
    high: up(Math.min(1, Math.max(high, point))),
    level: twelveDigits(level),
    method,
    n,
    successes,
    missing,
    worst_low: down(Math.min(successes / whole, point)),
    worst_high: up(Math.max((successes + missing) / whole, point)),
    ...(method === "betting-bank" ? { bank } : {}),
  };
}

/* Six decimals; a tie goes to the even digit. */
function sixPlaces(value) {
  const exact = value.toFixed(40),
    kept = exact.slice(0, -34),
    rest = exact.slice(-34);
  if (/^50*$/.test(rest)) return "02468".includes(kept.at(-1)) ? kept : value.toFixed(6);
  return value.toFixed(6);
}

function down(value) {
  return (Math.floor(value * MILLION + ROUNDING) / MILLION).toFixed(6);
}

function up(value) {
  return (Math.ceil(value * MILLION - ROUNDING) / MILLION).toFixed(6);
}

function twelveDigits(value) {
  if (value < 1e-4)
    return value
      .toExponential(11)
      .replace(/\.?0+e/, "e")
      .replace(/e-([0-9])$/, "e-0$1");
  return value.toPrecision(12).replace(/\.?0+$/, "");
}
