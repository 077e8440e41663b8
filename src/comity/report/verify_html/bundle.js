/* Bundles: does a report's number follow from the record, and how far down does the proof reach?

   Facts in the order in which `comity verify` states them: the archive, the ledger in it, the run, the report, the
   content.  Whatever is in the file, the answer is a list of facts. */

const LEDGER_FACTS = ["entries", "tiles", "root", "files"];
const HISTORY_FACTS = [
  "kinds",
  "times",
  "terms",
  "acts",
  "calls",
  "grants",
  "gateways",
  "overruns",
  "stops",
  "suspensions",
  "disclosures",
  "runs",
  "draws",
];
const TERMS_FACTS = [...CLAUSE_FACTS, "counters", "guard"];
const RUN_FACTS = ["plan", "planned", "scores", "rows", "counts"];
const REPORT_FACTS = ["published", "as_of", "covers", "report", "page"];
const CONTENT_FACTS = ["sealed", "disclosed", "draw", "rescored"];

const RUNGS = [
  [t`the number follows from committed scores`, ["scores", "counts", "published", "as_of", "report", "page"]],
  [t`the scores were committed under a plan frozen before the first call`, ["plan", "planned", "rows", "sample", "covers"]],
  [t`scores follow from answers, on rows that neither side chose`, ["draw", "rescored"]],
  [t`answers follow from calls, by digest`, ["sealed", "disclosed"]],
];

/* The verdict on a bundle: its facts, its rungs, and `seen`, what was recomputed on the way. `given` are the terms that
   reached the reader another way, or null; `progress` is told which part is looked at and how much of it is done. */
async function verifyBundle(file, given, progress) {
  const facts = [],
    seen = {};
  try {
    await lookThrough(file, given, facts, seen, progress);
  } catch (error) {
    if (!(error instanceof BadBundle)) throw error;
    facts.push(fact("archive", false, error.said, error.member || file.name));
  }
  const known = new Set(facts.map(({ name }) => name));
  const rest = [...RUN_FACTS, ...REPORT_FACTS, ...CONTENT_FACTS].filter((name) => !known.has(name));
  facts.push(...unestablished(rest, t`not looked at, because of what fails above`));
  const rungs = rungsOf(facts);
  const reached = rungs.flatMap((rung, place) => (rung.holds ? [place + 1] : []));
  return { stands: facts.every(({ holds }) => holds !== false), facts, rungs, reached, seen };
}

async function lookThrough(file, given, facts, seen, progress) {
  const archive = await openArchive(file);
  const manifest = readManifest(await archive.read("bundle.json"));
  for (const name of REQUIRED) if (!archive.has(name)) throw new BadBundle(name, t`missing from the bundle`);
  facts.push(fact("archive", true, t`${counted(archive.names.length, "file")}, none but those of a bundle`));
  const wrong = await compareManifest(archive, manifest, (share) => progress("manifest", share));
  const files = counted(Object.keys(manifest.files).length, "file");
  facts.push(wrong.length ? failed("manifest", wrong) : fact("manifest", true, t`${files} as bundle.json names them`));
  const terms = await termsOf(archive, given, facts);
  if (terms === null) return;
  seen.terms = terms;
  facts.push(keysFact(given));
  const ledger = await lookThroughLedger(archive, terms, facts, progress);
  if (ledger === null) return;
  const { head, history, leaves } = ledger;
  Object.assign(seen, { head, history });
  if (manifest.ledger !== head.origin) {
    const said = t`the bundle names ${manifest.ledger}, the checkpoint is of ${head.origin}`;
    facts.push(fact("origin", false, said, "bundle.json"));
    return;
  }
  const run = findRun(history, manifest.run);
  if (!isWholeRun(run, facts)) return;
  await progress("report", 0);
  const plan = await planFact(archive, run, facts),
    table = await scoresFact(archive, run, facts);
  Object.assign(seen, { run, plan, table });
  if (plan !== null) facts.push(await checkPlanned(plan.members, history, run.run, run.begun[1].plan));
  if (plan !== null && table !== null) {
    const [index, committed] = run.scores[0];
    facts.push(checkRows(table, plan, run), checkCounts(table, run, committed, index));
    const sample = await sampleFact(archive, plan, table, run, history, facts);
    await reportFacts(archive, terms, plan, table, run, history, sample, facts, seen);
  }
  facts.push(await checkSealed(archive, run, head.origin, (share) => progress("content", share)));
  const disclosed = await checkDisclosed(archive, run, history, head.origin);
  facts.push(disclosed.result);
  if (plan !== null && table !== null) {
    facts.push(...(await checkDrawn(archive, run, plan, table, history, leaves, disclosed.opened)));
  }
}

function keysFact(given) {
  if (given !== null) return fact("keys", true, t`those in the arrangement that was given`);
  return fact(
    "keys",
    null,
    t`they came with the bundle itself (terms.json): whoever made it chose them. Compare them with keys that reached you another way, or drop the signed terms that you have from a party beside it`,
  );
}

async function termsOf(archive, given, facts) {
  let brought;
  try {
    brought = await readOffer(await archive.read("terms.json"));
  } catch (error) {
    if (!(error instanceof Refused) || error instanceof BadBundle) throw error;
    facts.push(fact("terms", false, error.said, "terms.json"));
    return null;
  }
  if (given !== null && given.digest !== brought.digest) {
    const said = t`their digest is ${brought.digest}; the terms given have ${given.digest}`;
    facts.push(fact("terms", false, said, "terms.json"));
    return null;
  }
  return given ?? brought;
}

/* Adds every fact about the ledger in the bundle; its head, records and leaves where they are those signed for. */
async function lookThroughLedger(archive, terms, facts, progress) {
  const copy = {
    read: async (path) => (archive.has(`ledger/${path}`) ? archive.read(`ledger/${path}`) : null),
    paths: () => archive.names.filter((name) => name.startsWith("ledger/")).map((name) => name.slice("ledger/".length)),
  };
  const signed = await checkCheckpoint(await copy.read("checkpoint"), terms.policy);
  facts.push(...signed.facts);
  const { head } = signed;
  if (head === null) {
    const because = t`not looked at, because the checkpoint does not hold`;
    facts.push(...unestablished([...LEDGER_FACTS, ...HISTORY_FACTS, ...TERMS_FACTS], because));
    return null;
  }
  const files = await checkFiles(copy, head, (share) => progress("ledger", share));
  facts.push(...files.facts);
  if (files.entries === null) {
    const because = t`not looked at, because these entries are not those that were signed for`;
    facts.push(...unestablished([...HISTORY_FACTS, ...TERMS_FACTS], because));
    return null;
  }
  await progress("entries", 0);
  const { history, facts: read } = readEntries(files.entries);
  facts.push(...read, checkTimes(history), ...(await historyFacts(history, terms, head.origin)));
  return { head, history, leaves: files.leaves };
}

async function historyFacts(history, terms, origin) {
  if (history.length && history[0][1].kind === "engagement.opened") {
    return unestablished([...HISTORY_FACTS.slice(2), ...TERMS_FACTS], t`an engagement's ledger holds no calls`);
  }
  const facts = [];
  if (terms.origin !== origin) {
    facts.push(fact("origin", false, t`the terms name the ledger ${terms.origin}, this is ${origin}`, "arrangement"));
  }
  facts.push(await checkTerms(history, terms), await checkActs(history, terms, origin), ...callFacts(history));
  facts.push(checkRuns(history), await checkDraws(history), ...(await checkEnding(history, terms, origin)));
  if (history.some(([, record]) => record.kind === "arrangement.signed" && record.digest === terms.digest)) {
    facts.push(...checkClauses(history, terms), ...(await checkGuard(history, terms, origin)));
  } else {
    facts.push(...unestablished(TERMS_FACTS, t`the terms in hand are not those of this ledger`));
  }
  return facts;
}

/* Whether the ledger holds what a report rests on: a run begun and finished, with scores committed once. */
function isWholeRun(run, facts) {
  let wrong = null;
  if (run.begun === null) {
    wrong = ["bundle.json", t`the ledger holds no run ${cut(run.run, 40)}`];
  } else if (run.finished === null) {
    const ended = run.aborted !== null ? t`was aborted` : t`has not finished`;
    wrong = [entry(run.begun[0]), t`the run ${ended}; a report is about a run that finished`];
  } else if (run.scores.length !== 1) {
    const places = run.scores.map(([index]) => index).join(", ") || t`none`;
    wrong = ["scores.json", t`scores were committed ${run.scores.length} times (entries: ${places}); expected once`];
  }
  if (wrong !== null) facts.push(failed("scores", [wrong]));
  return wrong === null;
}

async function planFact(archive, run, facts) {
  const data = await archive.read("plan.json"),
    faults = new Faults("plan");
  const [begun, record] = run.begun,
    digest = await sha256Hex(data);
  if (digest !== record.plan) {
    faults.add("plan.json", t`its digest is ${digest}; the run of entry ${begun} began under ${record.plan}`);
  }
  const calls = [...run.permits.keys()],
    first = calls.length ? calls.reduce((a, b) => Math.min(a, b)) : null;
  if (run.frozen === null) {
    faults.add(entry(begun), t`the plan was not frozen before the run began`);
  } else if (first !== null && first < run.frozen) {
    faults.add(entry(first), t`a call of this run before its plan was frozen at entry ${run.frozen}`);
  }
  let plan = null;
  try {
    plan = readPlan(data);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    faults.add("plan.json", error.said);
  }
  const before = first === null ? t`no call was permitted` : t`before its first call (entry ${first})`;
  facts.push(faults.fact(t`frozen at entry ${run.frozen}, ${before}`));
  return run.frozen !== null && digest === record.plan ? plan : null;
}

async function scoresFact(archive, run, facts) {
  const data = await archive.read("scores.json"),
    faults = new Faults("scores");
  const [index, committed] = run.scores[0],
    digest = await sha256Hex(data);
  let table = null;
  try {
    table = readScores(data);
    if (table.run !== run.run || table.plan !== committed.plan) {
      const of = t`run ${cut(table.run, 40)} and plan ${cut(table.plan, 64)}`;
      faults.add("scores.json", t`it is of ${of}, not of this one`);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    faults.add("scores.json", error.said);
  }
  if (digest !== committed.rows) {
    faults.add("scores.json", t`its digest is ${digest}; entry ${index} commits to ${committed.rows}`);
  }
  facts.push(faults.fact(t`${counted(table?.rows.length ?? 0, "row")}, the table that entry ${index} commits to`));
  return table;
}

/* The run's sample where it was drawn from a frame, with a fact of its own. */
async function sampleFact(archive, plan, table, run, history, facts) {
  const frame = archive.has("frame.json") ? await archive.read("frame.json") : null;
  if (!plan.sampled) {
    if (frame !== null) facts.push(fact("sample", false, t`the plan's sample is drawn from no frame`, "frame.json"));
    return null;
  }
  const told = history.find(([, record]) => record.kind === "seed.revealed" && record.run === run.run);
  const seed = plan.members.design.seed || (told === undefined ? "" : told[1].seed);
  const scores = new Map(table.rows.filter(({ epoch }) => epoch === 1).map(({ item, score }) => [item, score]));
  try {
    const sample = await sampleOf(plan.members, frame, seed, scores);
    facts.push(await checkSample(plan.members, sample, table));
    return sample;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    facts.push(fact("sample", false, error.said, "frame.json"));
    return null;
  }
}

async function reportFacts(archive, terms, plan, table, run, history, sample, facts, seen) {
  const data = await archive.read("report.json"),
    page = await archive.read("report.html");
  const digest = await sha256Hex(data),
    pageDigest = await sha256Hex(page);
  const published = publishedFact(run, digest, pageDigest);
  facts.push(published.result);
  Object.assign(seen, { digest, pageDigest });
  let said;
  try {
    said = readReport(data);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    facts.push(fact("report", false, error.said, "report.json"));
    return;
  }
  if (plan.sampled && sample === null) {
    const because = t`not recomputed, because its sample cannot be drawn again`;
    facts.push(fact("report", false, because, "frame.json"));
    return;
  }
  const size = history.length ? history.at(-1)[0] + 1 : 0;
  facts.push(checkAsOf(said.as_of, published.index ?? size, run, history));
  const labels = await labelsFact(archive, plan, table, run, said.as_of, facts);
  let found;
  try {
    found = await recompute(terms, plan, table, run, history, said.as_of, labels, sample);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    facts.push(fact("report", false, error.said, "plan.json"));
    return;
  }
  facts.push(checkCovers(said, found), compareReports(said, found), checkPage(page, found));
  Object.assign(seen, { said, found, published: published.result.holds ? published.index : null });
}

/* Where exactly these two files were published, or which of them was not. */
function publishedFact(run, report, page) {
  const faults = new Faults("published");
  const both = run.published.filter(([, record]) => record.report === report && record.page === page);
  if (both.length) {
    const index = both.at(-1)[0],
      later = run.published.filter(([at]) => at > index);
    const more = later.length ? t`; a later report stands at entry ${later.at(-1)[0]}` : "";
    return { index, result: faults.fact(t`report.json and report.html are those published at entry ${index}${more}`) };
  }
  if (!run.published.length) {
    faults.add("ledger/", t`no report about this run was published under this checkpoint`);
    return { index: null, result: faults.fact("") };
  }
  const [index, record] = run.published.at(-1);
  for (const [name, digest, expected] of [
    ["report.json", report, record.report],
    ["report.html", page, record.page],
  ]) {
    if (digest !== expected) faults.add(name, t`its digest is ${digest}; entry ${index} published ${expected}`);
  }
  return { index, result: faults.fact("") };
}

/* Which rungs the facts reach; everything that is no rung's own is the ground of the first. */
function rungsOf(facts) {
  const own = new Set(RUNGS.flatMap(([, names]) => names)),
    rungs = [];
  RUNGS.forEach(([said, names], place) => {
    const name = `rung ${place + 1}`,
      below = rungs.slice(0, 2).find((rung) => !rung.holds);
    const mine = facts.filter((each) => names.includes(each.name));
    const ground = place === 0 ? facts.filter((each) => !own.has(each.name)) : [];
    const broken = [...ground, ...mine].find(({ holds }) => holds === false);
    const missing = mine.filter(({ holds }) => holds === null);
    if (broken !== undefined) {
      rungs.push(fact(name, false, t`${said}: no, ${broken.name} fails`, broken.where));
    } else if (below !== undefined) {
      rungs.push(fact(name, null, t`${said}: ${below.name} is not reached`));
    } else if (missing.length) {
      const reasons = [...new Map(missing.map(({ detail }) => [spoken(detail), detail])).values()];
      rungs.push(fact(name, null, t`${said}: not established, ${joined(reasons, "; ")}`));
    } else {
      rungs.push(fact(name, true, said));
    }
  });
  return rungs;
}
