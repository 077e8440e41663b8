/* Draws: which rows of a run are opened, chosen by neither side, and whether what is opened is what was drawn. */

const DRAWN_ROWS = 5;
const RANGE = 2n ** 64n;

function newDraw(run, scored) {
  return { run, scored, committed: new Map(), told: new Map() };
}

function isComplete(draw) {
  return draw.told.size === ROLES.length;
}

function drawSize(draw) {
  return Math.max(...[...draw.committed.values()].map(([index]) => index)) + 1;
}

/* What keeps a draw from being complete. */
function missingOf(draw) {
  for (const role of ROLES) if (!draw.committed.has(role)) return t`the ${role} has not committed`;
  const silent = ROLES.filter((role) => !draw.told.has(role));
  return joined(
    silent.map((by) => t`the ${by} committed at entry ${draw.committed.get(by)[0]} and never told`),
    t` and `,
  );
}

async function replayDraws(history, faults) {
  const draws = new Map(),
    scored = new Map();
  for (const [index, record] of history) {
    if (record.kind === "scores.committed") {
      setDefault(scored, record.run, index);
      if (draws.has(record.run)) faults.add(entry(index), t`scores committed after a draw over them had begun`);
    } else if (record.kind === "draw.committed") {
      commitHalf(draws, scored, index, record, faults);
    } else if (record.kind === "draw.revealed") {
      await tellHalf(draws, index, record, faults);
    }
  }
  return draws;
}

function commitHalf(draws, scored, index, record, faults) {
  const draw = setDefault(draws, record.run, newDraw(record.run, scored.get(record.run) ?? null));
  if (draw.scored === null) {
    faults.add(entry(index), t`a commitment to a draw before the scores of run ${record.run} were committed`);
  }
  if (!ROLES.includes(record.by)) {
    const by = quoted(record.by);
    faults.add(entry(index), t`a draw has two halves, the authority's and the provider's; this is ${by}'s`);
  } else if (draw.committed.has(record.by)) {
    faults.add(entry(index), t`the ${record.by} had committed at entry ${draw.committed.get(record.by)[0]} already`);
  } else if ([...draw.committed.values()].some(([, commitment]) => commitment === record.commitment)) {
    faults.add(entry(index), t`both parties committed to the same secret: one copied the other's`);
  } else {
    draw.committed.set(record.by, [index, record.commitment]);
  }
}

async function tellHalf(draws, index, record, faults) {
  const draw = draws.get(record.run),
    { by } = record;
  if (draw === undefined || !draw.committed.has(by)) {
    faults.add(entry(index), t`the ${cut(by, 20)} tells what it had not committed to`);
    return;
  }
  if (draw.committed.size < ROLES.length)
    faults.add(entry(index), t`the ${by} tells before both parties had committed`);
  if (draw.told.has(by)) {
    faults.add(entry(index), t`the ${by} had told at entry ${draw.told.get(by)[0]} already`);
  } else if ((await sha256Hex(fromHex(record.nonce))) !== draw.committed.get(by)[1]) {
    faults.add(entry(index), t`what the ${by} tells is not what it committed to`);
  } else {
    draw.told.set(by, [index, record.nonce]);
  }
}

/* Scores, then both commitments, then both secrets; each once, each secret the one committed to. */
async function checkDraws(history) {
  const faults = new Faults("draws");
  const draws = [...(await replayDraws(history, faults)).values()];
  const waiting = draws
    .filter((draw) => !isComplete(draw))
    .map((draw) => t`run ${draw.run.slice(0, 8)}…: ${missingOf(draw)}`);
  const complete = draws.length - waiting.length;
  const said = t`${counted(draws.length, "draw")} begun, ${complete} complete; every secret is the one committed to`;
  return faults.fact(waiting.length ? t`${said}; ${joined(waiting, "; ")}` : said);
}

/* `k` of `rows` without replacement, in the order in which they are drawn. */
async function drawRows(seed, rows) {
  const left = [...rows],
    drawn = [];
  let counter = 0n;
  while (left.length && drawn.length < DRAWN_ROWS) {
    const among = BigInt(left.length),
      limit = RANGE - (RANGE % among);
    let number = RANGE;
    while (number >= limit) {
      const count = new Uint8Array(8);
      view(count).setBigUint64(0, counter++);
      number = view(await sha256(concat(seed, count))).getBigUint64(0);
    }
    drawn.push(...left.splice(Number(number % among), 1));
  }
  return drawn;
}

function readDrawn(data) {
  try {
    const whole = parseCanonical(data, 65536);
    const names = ["format", "ledger", "run", "size", "root", "seed", "rows"];
    if (!hasExactly(whole, ...names) || whole.format !== "comity drawn/1") {
      throw new Refused(t`expected the members format, ledger, root, rows, run, seed and size`);
    }
    if (!Number.isSafeInteger(whole.size) || asList(whole.rows).length > DRAWN_ROWS) {
      throw new Refused(t`size is an integer, and at most ${DRAWN_ROWS} rows are drawn`);
    }
    for (const name of ["ledger", "run", "root", "seed"]) asText(whole[name]);
    return { ...whole, rows: whole.rows.map(readDrawnRow) };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`the file opens no drawn rows (comity drawn/1): ${error.said}`);
    throw error;
  }
}

function readDrawnRow(row) {
  if (!hasExactly(row, "row", "item", "salt") || !Number.isSafeInteger(row.row)) {
    throw new Refused(t`a row has the members item, row (an integer) and salt`);
  }
  const salt = fromHex(asText(row.salt));
  if (salt.length !== 32) throw new Refused(t`a row's salt has 32 bytes`);
  return { row: row.row, item: asText(row.item), salt };
}

/* Whether the rows that both secrets pick are opened; to score them again needs the scorer, which is not in this page. */
async function checkDrawn(archive, run, plan, table, history, leaves, content) {
  const draw = (await replayDraws(history, new Faults("draws"))).get(run.run);
  const brought = archive.has("drawn.json");
  if (draw === undefined || !isComplete(draw)) {
    const because = draw === undefined ? t`there was no draw` : t`the draw is not complete: ${missingOf(draw)}`;
    if (!brought) return unestablished(["draw", "rescored"], because);
    const opens = fact("draw", false, t`it opens rows of a draw, and ${because}`, "drawn.json");
    return [opens, ...unestablished(["rescored"], because)];
  }
  if (!brought) {
    const at = Math.max(...[...draw.told.values()].map(([index]) => index));
    const because = t`the draw was complete at entry ${at}, and this bundle opens none of its rows`;
    return unestablished(["draw", "rescored"], because);
  }
  const size = drawSize(draw),
    root = hex(await rootOfLeaves(leaves, size));
  const secrets = ROLES.map((role) => draw.told.get(role)[1]);
  const seed = await sha256(utf8(`comity draw/1\n${[draw.run, root, ...secrets].join("\n")}\n`));
  const drawn = await drawRows(
    seed,
    table.rows.flatMap((row, place) => (row.score === null ? [] : [place])),
  );
  const faults = new Faults("draw");
  let opened;
  try {
    opened = readDrawn(await archive.read("drawn.json"));
  } catch (error) {
    if (!(error instanceof Refused) || error instanceof BadBundle) throw error;
    faults.add("drawn.json", error.said);
    return [faults.fact(""), ...unestablished(["rescored"], t`the drawn rows cannot be read`)];
  }
  for (const [name, gives] of Object.entries({ run: run.run, size, root, seed: hex(seed) })) {
    const said = opened[name];
    if (said !== gives) faults.add("drawn.json", t`${name} is ${cut(said, 64)}, the ledger gives ${gives}`);
  }
  const places = opened.rows.map(({ row }) => row);
  if (places.join() !== drawn.join()) {
    faults.add("drawn.json", t`it opens rows [${places.join(", ")}]; drawn are [${drawn.join(", ")}]`);
  }
  for (const { row, item, salt } of opened.rows) {
    if (row >= 0 && row < table.rows.length && (await hmacHex(salt, utf8(item))) !== table.rows[row].item) {
      faults.add("drawn.json", t`row ${row} is not the item ${quoted(cut(item, 60))} under its salt`);
    }
  }
  const few = drawn.length === DRAWN_ROWS ? "" : t` (all that are judged, fewer than ${DRAWN_ROWS})`;
  const result = faults.fact(
    t`rows ${drawn.join(", ")} of scores.json${few}, drawn by both sides' secrets, are opened`,
  );
  if (!result.holds) return [result, ...unestablished(["rescored"], t`not looked at, because the draw does not hold`)];
  const rescored = new Faults("rescored");
  for (const row of drawn) {
    const call = table.rows[row].calls.at(-1);
    if (call === undefined) {
      rescored.add(t`scores.json row ${row}`, t`it was drawn, and no call stands behind its score`);
    } else if ((content.get(call)?.size ?? 0) < 2) {
      rescored.add(`disclosed/${call}.json`, t`row ${row} was drawn, and its call ${call} is not opened whole`);
    }
  }
  return [result, rescored.fact(t`the scorer is not in this page (${plan.scorer})`, null)];
}
