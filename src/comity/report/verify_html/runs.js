/* Runs: the plan was frozen first, every run that exists is counted, and the reported one among them. */

const SERVED = ["agreed", "mismatch", "unstated", "none"];

/* Plans before runs before calls; each run ends once. */
function checkRuns(history) {
  const faults = new Faults("runs"),
    plans = new Map(),
    runs = new Map();
  const named = (index, record) => {
    const run = runs.get(record.run);
    if (run === undefined) faults.add(entry(index), t`the run ${record.run} had not begun`);
    else if (record.plan !== run.plan) faults.add(entry(index), t`it names another plan than the run began under`);
    return run;
  };
  for (const [index, record] of history) {
    if (record.kind === "plan.frozen") {
      setDefault(plans, record.plan, index);
    } else if (record.kind === "run.begun") {
      if (runs.has(record.run)) {
        faults.add(entry(index), t`the run ${record.run} began at entry ${runs.get(record.run).index} already`);
        continue;
      }
      if (!plans.has(record.plan)) faults.add(entry(index), t`the run began before its plan ${record.plan} was frozen`);
      const { plan, grant } = record;
      runs.set(record.run, { index, plan, grant, calls: 0, ended: null, finished: false, scores: 0 });
    } else if (record.kind === "call.permitted" && record.run) {
      callOfRun(index, record, runs.get(record.run), faults);
    } else if (record.kind === "run.finished" || record.kind === "run.aborted") {
      const run = named(index, record);
      if (run !== undefined && run.ended !== null) {
        faults.add(entry(index), t`the run ended at entry ${run.ended} already`);
      } else if (run !== undefined) {
        run.ended = index;
        run.finished = record.kind === "run.finished";
      }
    } else if (record.kind === "scores.committed") {
      const run = named(index, record);
      if (run !== undefined) run.scores++;
      const falling = ["intended", "attempted", "answered", "judged", "correct"].map((name) => record[name]);
      if (falling.some((number, place) => place > 0 && number > falling[place - 1])) {
        const figures = falling.join(", ");
        faults.add(entry(index), t`intended, attempted, answered, judged, correct do not fall: ${figures}`);
      }
    }
  }
  const all = [...runs.values()];
  const finished = all.filter((run) => run.finished).length;
  const aborted = all.filter((run) => run.ended !== null && !run.finished).length;
  const calls = all.reduce((sum, run) => sum + run.calls, 0),
    scored = all.filter((run) => run.scores).length;
  const begun = t`${counted(plans.size, "plan")} frozen; ${counted(all.length, "run")} begun, each under a plan frozen before it`;
  const ended = t`${finished} finished, ${aborted} aborted, ${all.length - finished - aborted} open`;
  return faults.fact(t`${begun}: ${ended}; ${counted(calls, "call")} within them; scores committed for ${scored}`);
}

function callOfRun(index, permit, run, faults) {
  if (run === undefined) {
    faults.add(entry(index), t`the call names the run ${permit.run}, which had not begun`);
    return;
  }
  run.calls++;
  if (run.ended !== null) faults.add(entry(index), t`the call names a run that ended at entry ${run.ended}`);
  if (permit.grant !== run.grant) faults.add(entry(index), t`the call names a run of another grant`);
}

/* Every entry about one run, wherever it stands. */
function findRun(history, name) {
  const found = {
    run: name,
    begun: null,
    frozen: null,
    permits: new Map(),
    refused: new Set(),
    settled: new Map(),
    abandoned: new Set(),
    counted: 0,
    scores: [],
    finished: null,
    aborted: null,
    labels: [],
    published: [],
  };
  const plans = new Map();
  for (const [index, record] of history) {
    const mine = record.run === name;
    switch (record.kind) {
      case "plan.frozen":
        setDefault(plans, record.plan, index);
        break;
      case "run.begun":
        if (mine && found.begun === null) {
          found.begun = [index, record];
          found.frozen = plans.get(record.plan) ?? null;
        }
        break;
      case "call.permitted":
        if (mine) found.permits.set(index, record);
        break;
      case "call.refused":
        if (mine) found.refused.add(index);
        break;
      case "call.settled":
        if (found.permits.has(record.permit)) setDefault(found.settled, record.permit, record);
        break;
      case "call.abandoned":
        if (found.permits.has(record.permit)) found.abandoned.add(record.permit);
        break;
      case "calls.refused":
        if (found.begun !== null && found.begun[1].grant === record.grant) found.counted += record.count;
        break;
      case "scores.committed":
        if (mine) found.scores.push([index, record]);
        break;
      case "run.finished":
        if (mine && found.finished === null) found.finished = [index, record];
        break;
      case "run.aborted":
        if (mine) found.aborted = index;
        break;
      case "labels.committed":
        if (mine) found.labels.push([index, record]);
        break;
      case "report.published":
        if (mine) found.published.push([index, record]);
        break;
    }
  }
  return found;
}

/* Every run of a ledger in the order in which it began: what a reader compares with the one that is reported. */
function everyRun(history) {
  const runs = new Map();
  for (const [index, record] of history) {
    if (record.kind === "run.begun" && !runs.has(record.run)) {
      runs.set(record.run, {
        run: record.run,
        plan: record.plan,
        begun: index,
        at: record.at,
        calls: 0,
        state: "open",
        because: "",
      });
    }
    const run = runs.get(record.run);
    if (run === undefined) continue;
    if (record.kind === "call.permitted") run.calls++;
    if (run.state !== "open") continue;
    if (record.kind === "run.finished") run.state = "finished";
    if (record.kind === "run.aborted") {
      run.state = "aborted";
      run.because = record.because;
    }
  }
  return [...runs.values()];
}

function countRuns(history) {
  const number = (kind) => history.filter(([, record]) => record.kind === kind).length;
  const plans = new Set(history.filter(([, record]) => record.kind === "plan.frozen").map(([, record]) => record.plan));
  return {
    plans_frozen: plans.size,
    begun: number("run.begun"),
    finished: number("run.finished"),
    aborted: number("run.aborted"),
  };
}

function countCalls(history, run, frozen) {
  const permits = history.filter(([, record]) => record.kind === "call.permitted");
  return {
    run: permits.filter(([, record]) => record.run === run).length,
    refused: history.filter(([, record]) => record.kind === "call.refused" && record.run === run).length,
    before_freeze: permits.filter(([index]) => index < frozen).length,
    outside_plan: permits.filter(([, record]) => !record.run).length,
  };
}

function countServed(history, run) {
  const served = Object.fromEntries(SERVED.map((name) => [name, 0]));
  for (const [, record] of history) {
    if (
      record.kind === "call.settled" &&
      run.permits.has(record.permit) &&
      Object.hasOwn(served, record.served_check)
    ) {
      served[record.served_check]++;
    }
  }
  return served;
}

function countRefusals(history) {
  const clauses = new Map();
  for (const [, record] of history) {
    const number = { "call.refused": 1, "calls.refused": record.count }[record.kind];
    if (number !== undefined) clauses.set(record.clause, (clauses.get(record.clause) ?? 0) + number);
  }
  return [...clauses.keys()].sort(byCodePoint).map((clause) => ({ clause, count: clauses.get(clause) }));
}

/* What is settled or reserved under each clause of the budget. */
function countSpend(history, terms) {
  const taken = new Map();
  for (const [index, record] of history) {
    if (record.kind === "call.permitted") taken.set(index, record.reserved);
    else if ((record.kind === "call.settled" || record.kind === "call.abandoned") && taken.has(record.permit)) {
      taken.set(record.permit, record.charged);
    }
  }
  const sum = (name) => [...taken.values()].reduce((all, each) => all + each[name], 0n);
  const { budget } = terms;
  return [
    { clause: "budget.calls", agreed: budget.calls, taken: BigInt(taken.size) },
    { clause: "budget.input_tokens", agreed: budget.input_tokens, taken: sum("input_tokens") },
    { clause: "budget.output_tokens", agreed: budget.output_tokens, taken: sum("output_tokens") },
    { clause: "budget.cost", agreed: budget.cost, taken: sum("cost_nano") },
  ];
}
