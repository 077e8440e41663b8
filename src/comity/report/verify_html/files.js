/* The files of the copied ledger: every hash recomputed and compared, and the file that differs named. */

/* The facts about the files, and the entries where all of them lead to the signed root. */
async function checkFiles(copy, head, progress) {
  const bundles = new Faults("entries"),
    tiles = new Faults("tiles");
  const entries = await readBundles(copy, head.size, bundles);
  const levels = entries === null ? null : await completeLevels(await inOrder(entries, leafHash, progress));
  const root = levels && hex(await rootOf(head.size, (level, n) => levels[level][n]));
  const whole = levels !== null && root === head.root;
  let rootFact = fact("root", false, t`the entries do not lead to the root in the checkpoint`);
  if (whole) {
    await compareTiles(copy, head.size, levels, tiles);
    rootFact = fact("root", true, t`${counted(head.size, "entry", "entries")} lead to the root in the checkpoint`);
  } else if (levels !== null) {
    await blame(copy, head, levels[0], entries, bundles, tiles);
  }
  const facts = [
    bundles.fact(t`${counted(head.size, "entry", "entries")} read from their bundles, none missing`),
    whole
      ? tiles.fact(t`every hash in every tile is that of the entries`)
      : tiles.fact(t`no tile can be compared, because the entries do not lead to the root`, null),
    rootFact,
    ...(await otherFiles(copy, head.size, whole ? levels : null, entries)),
  ];
  return { facts, entries: whole ? entries : null, leaves: whole ? levels[0] : null };
}

async function readBundles(copy, size, faults) {
  const entries = [];
  let complete = true;
  for (const bundle of bundlesFor(size)) {
    const { path, data, width } = await find(copy, bundle);
    if (data === null) {
      faults.add(bundle.path, t`missing; it holds entries from ${bundle.n * TILE_WIDTH} on`);
      complete = false;
      continue;
    }
    try {
      entries.push(...decodeEntries(data, width).slice(0, bundle.width));
    } catch (error) {
      if (!(error instanceof Refused) || error instanceof BadBundle) throw error;
      faults.add(path, error.said);
      complete = false;
    }
  }
  return complete ? entries : null;
}

/* A tile's file, or the full tile's in its place. */
async function find(copy, tile) {
  const data = await copy.read(tile.path);
  if (data !== null || tile.width === TILE_WIDTH) return { path: tile.path, data, width: tile.width };
  const path = tilePath(tile.level, tile.n);
  return { path, data: await copy.read(path), width: TILE_WIDTH };
}

function expectedHashes(tile, levels) {
  return levels[8 * tile.level].slice(tile.n * TILE_WIDTH, tile.n * TILE_WIDTH + tile.width);
}

async function compareTiles(copy, size, levels, faults) {
  for (const each of tilesFor(size)) {
    const { path, data, width } = await find(copy, each);
    if (data === null) {
      faults.add(each.path, t`missing`);
      continue;
    }
    try {
      const ours = expectedHashes(each, levels);
      for (const [at, theirs] of decodeTile(data, width).slice(0, each.width).entries()) {
        if (equalBytes(theirs, ours[at])) continue;
        faults.add(path, t`hash ${at} (bytes ${at * 32} to ${at * 32 + 31}) is not that of the entries`);
      }
    } catch (error) {
      if (!(error instanceof Refused) || error instanceof BadBundle) throw error;
      faults.add(path, error.said);
    }
  }
}

/* Reads the hashes of a tree out of its tiles. */
function hashReader(size, copy) {
  const kept = new Map();
  const row = async (level, n) => {
    const name = `${level}/${n}`;
    if (!kept.has(name)) {
      const width = Math.min(TILE_WIDTH, Math.floor(size / 2 ** (8 * level)) - n * TILE_WIDTH);
      if (width < 1) throw new Refused(t`a tree of ${size} has no tile ${n} at level ${level}`);
      const { data, width: wide } = await find(copy, { level, n, width, path: tilePath(level, n, width) });
      if (data === null) throw new Refused(t`${tilePath(level, n, width)} is missing from the tiles of size ${size}`);
      kept.set(name, decodeTile(data, wide).slice(0, width));
    }
    return kept.get(name);
  };
  return async (level, n) => {
    if ((n + 1) * 2 ** level > size)
      throw new Refused(t`a tree of ${size} has no complete subtree ${n} at level ${level}`);
    const height = level % 8,
      first = n * 2 ** height;
    const found = await row(Math.floor(level / 8), Math.floor(first / TILE_WIDTH));
    return complete(found.slice(first % TILE_WIDTH, (first % TILE_WIDTH) + 2 ** height));
  };
}

async function complete(row) {
  while (row.length > 1) {
    const above = [];
    for (let i = 0; i < row.length; i += 2) above.push(await nodeHash(row[i], row[i + 1]));
    row = above;
  }
  return row[0];
}

/* Names the entries that differ from tiles that lead to the root, or says that neither leads there. */
async function blame(copy, head, leaves, entries, bundles, tiles) {
  const read = hashReader(head.size, copy);
  let led;
  try {
    led = hex(await rootOf(head.size, read)) === head.root;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tiles.add("", error.said);
    return;
  }
  if (!led) tiles.add("", t`neither the tiles nor the entries lead to the root in the checkpoint`);
  for (let first = 0; first < head.size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, head.size - first);
    const theirs = [];
    let right;
    try {
      for (let at = 0; at < width; at++) theirs.push(await read(0, first + at));
      right = led && (width < TILE_WIDTH || (await leadsUp(read, head.size, first / TILE_WIDTH, theirs)));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tiles.add("", error.said);
      continue;
    }
    const { path } = await find(copy, tile("entries", first / TILE_WIDTH, head.size));
    let begin = 0,
      told = false;
    for (let at = 0; at < width; at++) {
      const end = begin + 2 + entries[first + at].length;
      if (!equalBytes(leaves[first + at], theirs[at])) {
        if (right) {
          bundles.add(path, t`entry ${first + at} (bytes ${begin} to ${end - 1}) does not match its leaf hash`);
        } else if (!told) {
          bundles.add(path, t`entry ${first + at} and the leaf hash in its tile differ`);
          told = true;
        }
      }
      begin = end;
    }
  }
}

/* Whether a full tile of leaves leads, tile by tile, to hashes that the root covers. */
async function leadsUp(read, size, n, row) {
  for (let level = 1; ; level++) {
    if (!equalBytes(await read(8 * level, n), await complete(row))) return false;
    const first = n - (n % TILE_WIDTH);
    if ((first + TILE_WIDTH) * 2 ** (8 * level) > size) return true;
    row = [];
    for (let at = 0; at < TILE_WIDTH; at++) row.push(await read(8 * level, first + at));
    n = Math.floor(n / TILE_WIDTH);
  }
}

async function otherFiles(copy, size, levels, entries) {
  const faults = new Faults("files"),
    older = new Faults("older tiles");
  const expected = new Set([...tilesFor(size), ...bundlesFor(size)].map(({ path }) => path));
  let beyond = 0,
    outside = 0,
    compared = 0;
  for (const path of copy.paths()) {
    if (!path.startsWith("tile/")) outside += path === "checkpoint" ? 0 : 1;
    if (!path.startsWith("tile/") || expected.has(path)) continue;
    const found = parseTilePath(path);
    if (found === null) {
      faults.add(path, t`no tile of a ledger has this name`);
      continue;
    }
    const level = found.level === "entries" ? 0 : found.level,
      begin = found.n * TILE_WIDTH;
    if ((begin + found.width) * 2 ** (8 * level) > size) {
      beyond++;
    } else if (levels !== null) {
      compared++;
      const ours =
        found.level === "entries"
          ? encodeEntries(entries.slice(begin, begin + found.width))
          : concat(...expectedHashes(found, levels));
      if (!equalBytes(await copy.read(path), ours)) {
        older.add(path, t`a partial tile of an earlier size is not the beginning of the present one`);
      }
    }
  }
  const facts = [faults.fact(t`no file below tile/ but tiles`)];
  if (levels !== null) {
    facts.push(older.fact(t`${counted(compared, "tile")} of earlier sizes agree with the present ones`));
  }
  if (beyond) {
    const said = t`${counted(beyond, "file")} beyond the ${size} entries signed for: covered by no signature, not read`;
    facts.push(fact("beyond", null, said));
  }
  if (outside)
    facts.push(fact("beside", null, t`${counted(outside, "file")} beside the ledger: covered by no signature`));
  return facts;
}
