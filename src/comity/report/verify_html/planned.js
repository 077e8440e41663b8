/* What was planned: the seed that a plan committed to, deviations from it, its judge, and what its threshold decides. */

/* The seed that was told is the one that the plan commits to; deviations came before what they could bend. */
async function checkPlanned(plan, history, run, digest) {
  const faults = new Faults("planned"),
    commitment = plan.design?.seed_commitment ?? null;
  const revealed = history.filter(([, record]) => record.kind === "seed.revealed" && record.run === run);
  if (commitment !== null && !revealed.length) {
    faults.add("plan.json", t`it commits to a seed, and no entry of the run tells it: nobody can draw again`);
  }
  for (const [index, { seed }] of revealed) {
    const found = await sha256Hex(utf8(`comity seed/1\n${told(plan.id ?? null)}\n${seed}`));
    if (found !== commitment) {
      faults.add(entry(index), t`the seed told makes ${found}, the plan commits to ${told(commitment)}`);
    }
  }
  const scored = new Map();
  for (const [index, record] of history) if (record.kind === "scores.committed") setDefault(scored, record.plan, index);
  let deviations = 0;
  for (const [index, record] of history) {
    if (record.kind !== "plan.deviated") continue;
    const late = (about) => scored.has(about) && scored.get(about) < index;
    const { plan: left, amended } = record;
    if (late(left)) {
      const at = entry(scored.get(left));
      faults.add(entry(index), t`scores under the plan ${left} stood at ${at} already: it came after them`);
    }
    if (late(amended)) {
      const at = entry(scored.get(amended));
      faults.add(entry(index), t`scores under the amended plan ${amended} stood at ${at} already: it came after them`);
    }
    if (left === digest || amended === digest) deviations++;
  }
  const seed = revealed.length ? t`its seed was told at ${entry(revealed[0][0])}` : t`its seed stands in the clear`;
  const held = deviations ? t`exploratory: ${counted(deviations, "deviation")} from it` : t`no deviation from it`;
  return faults.fact(t`${seed}; ${held}`);
}

/* The member `planned` of a report; null for a plan that states nothing of it. */
function plannedMembers(plan, scores, covered, run, digest, sample = null) {
  if (plan.plan !== "plan/2") return null;
  const of = (kind) => covered.filter(([, record]) => record.kind === kind);
  const deviations = of("plan.deviated")
    .filter(([, record]) => record.plan === digest || record.amended === digest)
    .map(([index, { by, plan: left, amended, because }]) => ({ entry: index, by, plan: left, amended, because }));
  const judges = of("judge.called")
    .filter(([, record]) => record.run === run)
    .map(([, { recipient, model, ledger, permitted, refused }]) => ({ recipient, model, ledger, permitted, refused }));
  const commitment = plan.design.seed_commitment,
    revealed = of("seed.revealed").filter(([, record]) => record.run === run);
  const decision = decideByPlan(plan, scores, sample);
  return {
    standing: deviations.length ? "exploratory" : "as-planned",
    deviations,
    judges,
    seed: commitment && revealed.length ? { commitment, revealed: revealed[0][0] } : {},
    ...(decision === null ? {} : { decision }),
  };
}

/* What the plan's threshold and these scores decide; null where the plan states no threshold. */
function decideByPlan(plan, scores, sample = null) {
  const { claim } = plan;
  if (!("threshold" in claim)) return null;
  const { value, direction, source } = claim.threshold;
  const family = claim.multiplicity?.family?.length || 1,
    sides = claim.sides ?? "two";
  const alpha = Number(claim.alpha ?? restOf(plan.outputs.level)) / family;
  const level = sides === "two" ? 1 - alpha : 1 - 2 * alpha,
    n = scores.length;
  const right = scores.filter((score) => score === 1).length,
    missing = scores.filter((score) => score === null).length;
  let low = "0.000000",
    high = "1.000000";
  const sequential = (plan.design.stopping?.rule ?? "fixed") === "betting_cs";
  let method = sequential ? "betting-bank" : "clopper-pearson";
  if (n && sample === null) {
    const ends = (successes) =>
      sequential
        ? estimateRate(method, successes, n, 1 - alpha, 0, claim.population.size)
        : estimateRate(method, successes, n, level, 0);
    low = ends(right).low;
    high = ends(right + missing).high;
  }
  const at = millionths(value),
    above = millionths(low) > at,
    below = millionths(high) < at;
  let verdict = above ? "exceeds" : below ? "below" : "undetermined";
  if (sample !== null) {
    const made = decideSample(sample, Number(value), sample.design.kind === "active" ? 1 - alpha : level);
    ({ low, high, method } = made);
    verdict = { above: "exceeds", below: "below", open: "undetermined" }[made.decision];
  }
  const shown = { above: "exceeds", below: "below" }[direction];
  return {
    threshold: value,
    direction,
    source: oneLine(source),
    alpha: twelveDigits(alpha),
    family,
    sides,
    method,
    n,
    missing,
    low,
    high,
    verdict,
    claim: verdict === "undetermined" ? "open" : verdict === shown ? "shown" : "refuted",
    consequence: oneLine(claim.consequence?.[verdict] ?? ""),
  };
}

/* One less a decimal, exactly. */
function restOf(decimal) {
  const digits = decimal.split(".")[1];
  return `0.${String(10n ** BigInt(digits.length) - BigInt(digits)).padStart(digits.length, "0")}`;
}

function millionths(decimal) {
  const [whole, fraction = ""] = String(decimal).split(".");
  return BigInt(whole + fraction.padEnd(6, "0"));
}

function oneLine(text) {
  return String(text).trim().split(/\s+/).join(" ");
}
