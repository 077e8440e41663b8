/* Score tables: the rows that a run committed, and the counts and estimates that follow from them. */

const COUNTS = ["intended", "attempted", "answered", "judged", "unscored", "repeated", "correct"];
const UNHEARD = ["no-answer", "interrupted"];

function readScores(data) {
  try {
    const whole = parseCanonical(data, SIZES["scores.json"]);
    const formats = ["comity scores/1", "comity scores/2"];
    if (!hasExactly(whole, "format", "plan", "rows", "run") || !formats.includes(whole.format)) {
      throw new Refused(t`expected the members format, plan, rows and run`);
    }
    return { run: asText(whole.run), plan: asText(whole.plan), rows: asList(whole.rows).map(readRowOf(whole.format)) };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`no score table (comity scores/1): ${error.said}`);
    throw error;
  }
}

/* Of a sample that was drawn from a frame, a row has its place among the draws and its chance too. */
function readRowOf(format) {
  const placed = format === "comity scores/2" ? ["place", "probability"] : [];
  return (row, place) => readRow(row, place, placed);
}

function readRow(row, place, placed) {
  const names = ["calls", "epoch", "item", ...placed, "reason"];
  if (!hasExactly(row, ...names, "score")) {
    throw new Refused(t`row ${place} has other members than ${names.join(", ")} and score`);
  }
  if (row.score !== 0 && row.score !== 1 && row.score !== null) {
    throw new Refused(t`row ${place}: score ${quoted(row.score, 20)}, expected 0, 1 or null`);
  }
  asText(row.item);
  asCount(row.epoch);
  asText(row.reason);
  asList(row.calls).forEach(asCount);
  if (placed.length) {
    asCount(row.place);
    asText(row.probability);
  }
  return row;
}

/* What the numbers depend on, of a plan. */
function readPlan(data) {
  try {
    const plan = parseCanonical(data, SIZES["plan.json"]);
    const bank = asObject(need(need(plan, "claim"), "population")),
      design = need(plan, "design");
    const outputs = need(plan, "outputs"),
      scoring = need(plan, "scoring"),
      target = need(plan, "target");
    const methods = asList(need(outputs, "methods"));
    const known = [...new Set(Object.values(SAMPLE_METHODS).flat())];
    if (!methods.length || !methods.every((each) => known.includes(each))) {
      throw new Refused(t`methods ${quoted(methods, 80)}; this release recomputes ${known.join(", ")}`);
    }
    const level = asText(need(outputs, "level"));
    if (!/^(0?\.[0-9]{1,12})$/.test(level) || !(Number(level) > 0)) {
      throw new Refused(t`level ${quoted(level, 20)}, expected one between 0 and 1`);
    }
    const version = "version" in asObject(scoring) ? `/${asCount(scoring.version)}` : "";
    return {
      members: plan,
      title: asText(need(plan, "title")),
      arrangement: asText(need(plan, "arrangement")),
      suite: suiteOf(bank),
      protocol: asText(need(target, "protocol")),
      model: asText(need(target, "model")),
      items: asCount(need(design, "items")),
      epochs: asCount(need(design, "epochs")),
      bank: asCount(need(bank, "size")),
      stopping: stoppingRule(plan),
      sampled: designOf(plan) !== null,
      methods,
      level,
      scorer: asText(need(scoring, "scorer")) + version,
    };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`no plan that this release can recompute: ${error.said}`);
    throw error;
  }
}

/* Name, version and digest of the bank; a guest's is the task and the release of its package. */
function suiteOf(bank) {
  if (!("task" in bank))
    return { name: asText(need(bank, "suite")), version: need(bank, "version"), sha256: asText(need(bank, "sha256")) };
  const packageName = asText(need(bank, "package")),
    version = asText(need(bank, "version"));
  const release = packageName === "none" ? version : `${packageName} ${version}`;
  return { name: asText(need(bank, "task")), version: release, sha256: asText(need(bank, "sha256")) };
}

function isAnswered(row, run) {
  const settled = row.calls.length ? run.settled.get(row.calls.at(-1)) : undefined;
  return settled !== undefined && settled.outcome === "answered" && settled.status >= 200 && settled.status < 300;
}

function ownCalls(run) {
  return [...new Set([...run.permits.keys(), ...run.refused])].sort((a, b) => a - b);
}

/* Every row is one that the plan asks for; its calls are this run's, ended, and no other row's. */
function checkRows(table, plan, run) {
  const faults = new Faults("rows"),
    { rows } = table;
  const byRule = plan.stopping === null ? plan.items : askedByRule(table, plan.stopping, faults);
  const asked = plan.sampled ? new Set(rows.map((row) => row.item)).size : byRule; // which they are, says checkSample
  if (rows.length !== asked * plan.epochs) {
    faults.add("scores.json", t`${rows.length} rows; the plan asks ${asked} items ${plan.epochs} times`);
  }
  const items = new Set(rows.map((row) => row.item)),
    pairs = new Set(rows.map((row) => `${row.epoch} ${row.item}`));
  if (pairs.size !== rows.length || items.size !== asked) {
    faults.add("scores.json", t`${items.size} items in ${rows.length} rows; each of ${asked} is asked once`);
  }
  const used = new Map();
  rows.forEach((row, place) => checkRow(place, row, plan, run, used, faults));
  const orphans = ownCalls(run).filter((call) => !used.has(call));
  let said = t`${used.size} calls of the run in ${rows.length} rows, each used once; every judged row has its answer`;
  if (run.finished !== null && run.finished[1].status !== "success") {
    said = t`${said}; the run itself ended as ${quoted(cut(run.finished[1].status, 40))}`;
  }
  if (orphans.length) {
    const first = `[${orphans.slice(0, 5).join(", ")}]`;
    said = t`${said}; ${counted(orphans.length, "call")} of the run in no row, counted as repeated: ${first}`;
  }
  return faults.fact(said);
}

/* How many items the stopping rule asks, replayed in the order of the first calls; a row without a call stands last. */
function askedByRule({ rows }, rule, faults) {
  const first = (row) => (row.calls.length ? row.calls[0] : Infinity);
  const ordered = [...rows].sort((a, b) => (first(a) === first(b) ? 0 : first(a) - first(b)));
  const { asked, decision } = replayStopping(
    rule,
    ordered.map((row) => row.score),
  );
  if (asked !== rows.length) {
    const decided = DECISION_WORDS[decision];
    faults.add(
      "scores.json",
      t`${rows.length} rows; by the plan's stopping rule ${asked} items are asked (${decided})`,
    );
  }
  return rows.length;
}

const DECISION_WORDS = { above: t`above`, below: t`below`, open: t`open` };

function checkRow(place, row, plan, run, used, faults) {
  const where = t`scores.json row ${place}`;
  if (row.epoch < 1 || row.epoch > plan.epochs) {
    faults.add(where, t`epoch ${row.epoch}; the plan asks each item ${plan.epochs} times`);
  }
  if ((row.score === null) !== Boolean(row.reason)) {
    faults.add(where, t`score ${told(row.score)} and reason ${quoted(row.reason, 40)}: a row has one of the two`);
  }
  for (const call of row.calls) {
    if (used.has(call)) faults.add(where, t`call ${call} is used in row ${used.get(call)} already`);
    used.set(call, place);
    if (run.permits.has(call)) {
      if (!run.settled.has(call) && !run.abandoned.has(call)) faults.add(where, t`call ${call} is not settled`);
    } else if (!run.refused.has(call)) {
      faults.add(where, t`entry ${call} is no call of this run`);
    }
  }
  if (row.score !== null && !isAnswered(row, run)) {
    faults.add(where, t`it has a score, and its last call was not answered`);
  }
}

/* The committed counts follow from rows and entries. */
function checkCounts(table, run, committed, index) {
  const faults = new Faults("counts"),
    { rows } = table;
  const judged = rows.filter((row) => row.score !== null).length;
  const used = new Set(rows.flatMap((row) => row.calls));
  const orphans = ownCalls(run).filter((call) => !used.has(call)).length;
  const found = {
    intended: rows.length,
    attempted: rows.filter((row) => row.reason !== "not-attempted").length,
    answered: rows.filter((row) => isAnswered(row, run)).length,
    judged,
    unscored: rows.length - judged,
    repeated: rows.reduce((sum, row) => sum + Math.max(0, row.calls.length - 1), 0) + orphans,
    correct: rows.filter((row) => row.score === 1).length,
  };
  const unheard = rows.filter((row) => UNHEARD.includes(row.reason) && isAnswered(row, run)).length;
  for (const name of COUNTS) {
    const least = name === "answered" ? unheard : 0,
      most = name === "repeated" ? run.counted : 0;
    if (committed[name] < found[name] - least || committed[name] > found[name] + most) {
      faults.add(entry(index), t`counts.${name} is committed as ${committed[name]}, the rows give ${found[name]}`);
    }
  }
  const said = COUNTS.map((name) => t`${committed[name]} ${COUNT_WORDS[name]}`);
  return faults.fact(t`${joined(said, ", ")}: as the rows give them`);
}

const COUNT_WORDS = {
  intended: t`intended`,
  attempted: t`attempted`,
  answered: t`answered`,
  judged: t`judged`,
  unscored: t`unscored`,
  repeated: t`repeated`,
  correct: t`correct`,
};

/* Rows without a score, by reason. */
function missingRows(table) {
  const found = Object.create(null);
  for (const row of table.rows) if (row.score === null) found[row.reason] = (found[row.reason] ?? 0) + 1;
  return found;
}

/* The estimates that the plan asks for, over the rows of the first epoch. */
function estimatesOf(table, plan, sample = null) {
  if (sample !== null) return sampleEstimates(sample, plan.methods, Number(plan.level));
  const scores = table.rows.filter((row) => row.epoch === 1).map((row) => row.score);
  const judged = scores.filter((score) => score !== null),
    right = judged.filter((score) => score === 1).length;
  if (!judged.length) return [];
  const missing = scores.length - judged.length;
  return plan.methods.map((method) =>
    estimateRate(method, right, judged.length, Number(plan.level), missing, plan.bank),
  );
}
