/* Labels: what raters said of a random few of a run's answers, and what that makes of the rate.

   The labelled items are the first of a draw over the score table, so nobody who labels chooses what is labelled. */

const STATED = ["point", "low", "high", "level", "method", "n", "missing"];
const ONE_OF_EACH = [
  [1, 1],
  [1, 0],
  [0, 1],
  [0, 0],
];

/* The last labels of each rater among the first `asOf` entries, by pseudonym in alphabetical order. */
function latestLabels(run, asOf) {
  const found = new Map(
    run.labels.filter(([index]) => index < asOf).map(([index, record]) => [record.rater, [index, record]]),
  );
  return [...found.keys()].sort(byCodePoint).map((rater) => [rater, ...found.get(rater)]);
}

/* What each rater's labels give; a fact of its own where the ledger or the bundle has any. */
async function labelsFact(archive, plan, table, run, asOf, facts) {
  const faults = new Faults("labels"),
    found = [],
    committed = latestLabels(run, asOf);
  const brought = new Set(archive.names.filter((name) => name.startsWith("labels/")));
  for (const [rater, index, record] of committed) {
    const name = `labels/${rater}.json`;
    if (!brought.has(name)) {
      faults.add(name, t`missing from the bundle; entry ${index} commits to it`);
      continue;
    }
    try {
      found.push(await labelMembers(archive, name, record, index, table, Number(plan.level)));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      faults.add(name, error.said);
    }
  }
  for (const [rater] of committed) brought.delete(`labels/${rater}.json`);
  for (const name of [...brought].sort()) {
    faults.add(name, t`no labels of this rater were committed before the report`);
  }
  if (committed.length || brought.size) {
    const raters = counted(committed.length, "rater");
    facts.push(faults.fact(t`${raters}, who labelled the first answers of a draw that nobody chose`));
  }
  return found;
}

/* What a report states of one rater's labels; refused where they are not those committed. */
async function labelMembers(archive, name, record, index, table, level) {
  const data = await archive.read(name),
    digest = await sha256Hex(data);
  if (digest !== record.labels)
    throw new Refused(t`the digest is ${digest}; entry ${index} commits to ${record.labels}`);
  const rows = await sha256Hex(await archive.read("scores.json")),
    labels = readLabels(data, record, rows);
  const judged = new Map(
    table.rows.filter((row) => row.epoch === 1 && row.score !== null).map((row) => [row.item, row.score]),
  );
  const places = await inOrder([...judged.keys()], async (item) => [
    await sha256Hex(utf8(`comity label/1\n${rows}\n${item}`)),
    item,
  ]);
  const order = places.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, item]) => item);
  if (labels.some(({ item }, place) => item !== order[place])) {
    throw new Refused(t`the labelled items are not the first of the draw over the score table`);
  }
  const said = labels.filter(({ label }) => label !== null);
  if (record.drawn !== labels.length || record.judged !== judged.size || record.labelled !== said.length) {
    throw new Refused(t`entry ${index} counts otherwise than the file does`);
  }
  const pairs = said.map(({ item, label }) => [label, judged.get(item)]),
    known = new Set(said.map(({ item }) => item));
  const rest = [...judged].filter(([item]) => !known.has(item)).map(([, score]) => score);
  const missing = table.rows.filter((row) => row.epoch === 1 && row.score === null).length;
  const number = (label, score) => pairs.filter(([a, b]) => a === label && b === score).length;
  const found = {
    entry: index,
    rater: record.rater,
    drawn: labels.length,
    labelled: pairs.length,
    both: number(1, 1),
    missed: number(1, 0),
    invented: number(0, 1),
    neither: number(0, 0),
  };
  const stated = (members) => Object.fromEntries(STATED.map((each) => [each, members[each]]));
  if (pairs.length) {
    const right = pairs.filter(([label]) => label === 1).length;
    found.alone = stated(estimateRate("clopper-pearson", right, pairs.length, level, labels.length - pairs.length));
    if (pairs.length > 1 && rest.length > 1) found.corrected = stated(poweredRate(pairs, rest, level, missing));
  }
  return found;
}

function readLabels(data, record, rows) {
  try {
    const members = parseCanonical(data, SIZES["scores.json"]);
    const names = ["format", "judged", "labels", "plan", "rater", "rows", "run"];
    if (!hasExactly(members, ...names) || members.format !== "comity labels/1") {
      throw new Refused(t`expected the members ${names.join(", ")}`);
    }
    const same = ["run", "plan", "rows", "rater", "judged"].every((name) => members[name] === record[name]);
    if (!same || record.rows !== rows) throw new Refused(t`it is of another run, plan, score table or rater`);
    for (const one of asList(members.labels)) {
      if (!hasExactly(one, "item", "label")) throw new Refused(t`each label has an item, and is 1, 0 or null`);
      if (![1, 0, null].includes(one.label)) throw new Refused(t`a label is 1, 0 or null`);
    }
    return members.labels;
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`no labels (comity labels/1): ${error.said}`);
    throw error;
  }
}

/* The rater's rate of all that was judged (PPI++ with four answers added; comity.estimate.powered says why). */
function poweredRate(pairs, rest, level, missing) {
  const point = Math.min(1, Math.max(0, fitted(pairs, rest, 0).point));
  const made = fitted([...pairs, ...ONE_OF_EACH], rest, 1 / rest.length);
  const reach = studentQuantile((1 + level) / 2, pairs.length - 1) * made.error;
  return {
    point: sixPlaces(point),
    low: down(Math.min(point, Math.max(0, made.point - reach))),
    high: up(Math.max(point, Math.min(1, made.point + reach))),
    level: twelveDigits(level),
    method: "powered-plus4",
    n: pairs.length + rest.length,
    missing,
  };
}

function fitted(pairs, rest, doubt) {
  const truth = pairs.map(([y]) => y),
    judged = pairs.map(([, f]) => f),
    middle = mean(truth),
    guess = mean(judged);
  const together = sum(pairs.map(([y, f]) => (y - middle) * (f - guess))) / pairs.length;
  const spread = variance([...judged, ...rest]);
  const share = spread <= 0 ? 0 : Math.min(1, Math.max(0, together / spread / (1 + judged.length / rest.length)));
  const left = variance(pairs.map(([y, f]) => y - share * f));
  const error = Math.sqrt((share ** 2 * (variance(rest) + doubt)) / rest.length + left / pairs.length);
  return { point: middle + share * (mean(rest) - guess), error };
}

/* A sum that keeps what rounding takes away (A. Neumaier, 1974). */
function sum(numbers) {
  let total = 0,
    lost = 0;
  for (const each of numbers) {
    const next = total + each;
    lost += Math.abs(total) >= Math.abs(each) ? total - next + each : each - next + total;
    total = next;
  }
  return total + lost;
}

function mean(numbers) {
  return sum(numbers) / numbers.length;
}

function variance(numbers) {
  const centre = mean(numbers);
  return sum(numbers.map((each) => (each - centre) ** 2)) / (numbers.length - 1);
}
