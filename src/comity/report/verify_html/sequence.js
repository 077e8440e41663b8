/* Confidence sequences for the rate of a bank, and the rule by which a run stops early (comity.estimate.sequence and
   comity.estimate.stopping say why they hold). */

const CAPITAL_SLACK = 1e-9;
const MAX_BANK = 10000000;

function logBeta(a, b) {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/* The smallest and the largest rate of a bank that no bet could refute after so many answers. */
function bettingBounds(successes, n, level, bank) {
  if (!(n >= 1 && n <= bank && bank <= MAX_BANK)) {
    throw new Refused(t`a bank of ${bank} units with ${n} drawn from it, expected ${n} to ${MAX_BANK}`);
  }
  const failures = n - successes;
  const won = logBeta(0.5 + successes, 0.5 + failures) - logBeta(0.5, 0.5);
  const refuted = won + Math.log1p(-level) - CAPITAL_SLACK;
  const common = logGamma(bank - n + 1) - logGamma(bank + 1);
  const stays = (k) => {
    const right = logGamma(k + 1) - logGamma(k - successes + 1);
    return right + logGamma(bank - k + 1) - logGamma(bank - k - failures + 1) + common > refuted;
  };
  const least = successes;
  const most = bank - failures;
  const likeliest = Math.min(Math.max(Math.floor((successes * (bank + 1)) / n), least), most);
  let low = likeliest;
  for (let reach = least; reach < low;) {
    const middle = Math.floor((reach + low) / 2);
    if (stays(middle)) low = middle;
    else reach = middle + 1;
  }
  let high = likeliest;
  for (let reach = most; high < reach;) {
    const middle = Math.floor((high + reach + 1) / 2);
    if (stays(middle)) high = middle;
    else reach = middle - 1;
  }
  const point = successes / n;
  return [Math.max(0, Math.min(low / bank, point)), Math.min(1, Math.max(high / bank, point))];
}

/* The same, however the missing units would have come out. */
function bettingWhatever(successes, n, level, missing, bank) {
  if (!missing) return bettingBounds(successes, n, level, bank);
  const point = successes / n;
  const whole = n + missing;
  return [
    Math.min(bettingBounds(successes, whole, level, bank)[0], point),
    Math.max(bettingBounds(successes + missing, whole, level, bank)[1], point),
  ];
}

/* The rule of a plan's `design.stopping`; null where it asks a fixed number. */
function stoppingRule(plan) {
  const design = need(plan, "design");
  const claim = asObject(need(plan, "claim"));
  const stated = "stopping" in design ? asObject(design.stopping) : {};
  const sampling = "sampling" in design ? asObject(design.sampling) : {};
  if ((stated.rule ?? "fixed") === "fixed" || sampling.kind === "active") return null;
  const cap = asCount(need(design, "items"));
  const family = "multiplicity" in claim ? asList(asObject(claim.multiplicity).family ?? []).length : 0;
  const doubt = "alpha" in claim ? share(claim.alpha) : 1 - share(need(need(plan, "outputs"), "level"));
  const rule = {
    bank: asCount(need(need(claim, "population"), "size")),
    cap,
    batch: asCount(stated.batch ?? sampling.batch ?? cap),
    least: asCount(stated.least ?? 0),
    level: 1 - doubt / Math.max(1, family),
    threshold: share(need(need(claim, "threshold"), "value")),
  };
  const { bank, batch, least } = rule;
  if (!(batch > 0 && least <= cap && cap > 0 && cap <= bank && rule.level > 0 && rule.level < 1)) {
    throw new Refused(t`batches of ${batch}, at least ${least} and at most ${cap} of ${bank}: no stopping rule`);
  }
  return rule;
}

/* A decimal from 0 to 1, as a text. */
function share(text) {
  if (!/^[01]?(\.[0-9]{1,15})?$/.test(asText(text)) || text === "" || Number(text) > 1) {
    throw new Refused(t`${quoted(text, 40)} is no decimal from 0 to 1`);
  }
  return Number(text);
}

/* Given the scores in the order in which they were asked, how many are to be asked, and what is decided there. */
function replayStopping(rule, scores) {
  for (let asked = 0; ;) {
    asked = Math.min(asked + rule.batch, rule.cap);
    if (asked < rule.least) continue;
    if (asked > scores.length) return { asked, decision: "open" };
    const decision = stoppingDecision(rule, scores.slice(0, asked));
    if (decision !== "open" || asked === rule.cap) return { asked, decision };
  }
}

function stoppingDecision(rule, scores) {
  const judged = scores.filter((score) => score !== null);
  if (!judged.length) return "open";
  const right = judged.filter((score) => score === 1).length;
  const [low, high] = bettingWhatever(right, judged.length, rule.level, scores.length - judged.length, rule.bank);
  if (low > rule.threshold) return "above";
  return high < rule.threshold ? "below" : "open";
}
