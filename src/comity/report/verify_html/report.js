/* Reports: every member of report.json recomputed out of terms, plan, rows and entries, and the one that differs named. */

const NOTHING = Symbol("nothing");

function readReport(data) {
  const members = parseCanonical(data, SIZES["report.json"]);
  if (members.format !== "comity report/1" || !Number.isSafeInteger(members.as_of)) {
    throw new Refused(t`expected the format comity report/1 and as_of, the number of entries that it covers`);
  }
  return members;
}

/* The report that the record gives, over the first `asOf` entries. */
async function recompute(terms, plan, table, run, history, asOf, labels, sample = null) {
  const covered = history.filter(([index]) => index < asOf);
  const [scored, committed] = run.scores[0];
  const first = table.rows.filter(({ epoch }) => epoch === 1).map(({ score }) => score);
  const planned = plannedMembers(plan.members, first, covered, run.run, run.begun[1].plan, sample);
  return {
    format: "comity report/1",
    ledger: terms.origin,
    arrangement: terms.id,
    terms: terms.digest,
    run: run.run,
    plan: run.begun[1].plan,
    suite: plan.suite,
    protocol: plan.protocol,
    model: plan.model,
    title: plan.title,
    counts: Object.fromEntries(COUNTS.map((name) => [name, committed[name]])),
    missing: missingRows(table),
    estimates: estimatesOf(table, plan, sample),
    runs: { ...countRuns(covered), reported: 1 },
    calls: countCalls(covered, run.run, run.frozen),
    served: countServed(covered, run),
    spend: countSpend(covered, terms),
    refusals: countRefusals(covered),
    access: await stateAccess(covered, terms, plan.model),
    blindness: terms.blindness,
    as_of: asOf,
    entries: { plan: run.frozen, begun: run.begun[0], scores: scored, finished: run.finished[0] },
    ...(planned === null ? {} : { planned }),
    ...(labels.length ? { labels } : {}),
  };
}

function compareReports(said, found) {
  const faults = new Faults("report");
  let members = 0;
  for (const [path, theirs, ours] of differences(said, found, "")) {
    members++;
    if (theirs !== ours) {
      faults.add("report.json", t`${path} says ${shownLeaf(theirs)}, the record gives ${shownLeaf(ours)}`);
    }
  }
  return faults.fact(t`all ${members} members are those that terms, plan, rows and entries give`);
}

function shownLeaf(leaf) {
  if (leaf === NOTHING) return t`nothing`;
  return cut(leaf?.unlike ?? told(leaf), 80);
}

/* Every leaf of both, with its path and what stands there in each. */
function* differences(said, found, path) {
  const below = (name) => (path === "" ? name : `${path}.${name}`);
  if (isObject(said) && isObject(found)) {
    const part = (side, name) => (Object.hasOwn(side, name) ? side[name] : NOTHING);
    for (const name of [...new Set([...Object.keys(said), ...Object.keys(found)])].sort()) {
      yield* differences(part(said, name), part(found, name), below(name));
    }
  } else if (Array.isArray(said) && Array.isArray(found)) {
    for (let place = 0; place < Math.max(said.length, found.length); place++) {
      const part = (side) => (place < side.length ? side[place] : NOTHING);
      yield* differences(part(said), part(found), below(String(place)));
    }
  } else {
    const ours = plainNumber(found),
      missing = said === NOTHING || ours === NOTHING;
    yield [path, missing || typeof said === typeof ours ? said : { unlike: quoted(said) }, ours];
  }
}

/* A long integer as the number that a report may hold; one that is too long equals none. */
function plainNumber(value) {
  if (typeof value !== "bigint") return value;
  return value <= BigInt(MAX_INTEGER) ? Number(value) : value;
}

function checkAsOf(asOf, published, run, history) {
  const faults = new Faults("as_of");
  if (run.finished !== null && !(run.finished[0] < asOf && asOf <= published)) {
    const said = t`as_of says ${asOf}; the run finished at ${run.finished[0]}, the report came at ${published}`;
    faults.add("report.json", said);
  }
  const began = history
    .filter(([index, record]) => record.kind === "run.begun" && index >= asOf)
    .map(([index]) => index);
  const between = began.filter((index) => index < published);
  if (between.length) {
    const said = t`it counts up to entry ${asOf - 1} and leaves out the run begun at entry ${between[0]}`;
    faults.add("report.json", said);
  }
  const later = began.length ? t`; ${began.length} begun since` : "";
  return faults.fact(t`it counts the first ${asOf} entries; no run began between these and its publication${later}`);
}

/* What the report says of the runs and calls beside the reported one. */
function checkCovers(said, found) {
  const { runs, calls } = found;
  const begun = t`this report covers 1 of ${counted(runs.begun, "run")}: ${counted(runs.plans_frozen, "plan")} frozen`;
  const ended = t`${runs.begun} begun, ${runs.finished} finished, ${runs.aborted} aborted, 1 reported`;
  const outside = t`${counted(calls.before_freeze, "call")} before this plan was frozen, ${calls.outside_plan} outside any plan`;
  const all = t`${begun}, ${ended}; ${outside}, ${calls.refused} of this run refused`;
  for (const name of ["runs", "calls"]) {
    if (
      !isObject(said[name]) ||
      [...differences(said[name], found[name], "")].some(([, theirs, ours]) => theirs !== ours)
    ) {
      return fact("covers", false, t`the report tells otherwise; ${all}`, "report.json");
    }
  }
  return fact("covers", true, all);
}
