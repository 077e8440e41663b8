/* The ledger's Merkle tree (RFC 6962) and its tiles (c2sp.org/tlog-tiles). */

const TILE_WIDTH = 256;
const TILE_PATH = /^tile\/(0|[1-9][0-9]?|entries)\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;
const AT_ONCE = 2048;

function leafHash(data) {
  return sha256(concat(new Uint8Array([0]), data));
}

function nodeHash(left, right) {
  return sha256(concat(new Uint8Array([1]), left, right));
}

/* Hashes of many at once, in order, a bounded number in flight. */
async function inOrder(items, hash, progress = async () => {}) {
  const out = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    await progress(at / items.length);
    out.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(hash))));
  }
  return out;
}

/* The hashes of all complete subtrees, level by level, the leaves first. */
async function completeLevels(leaves) {
  const levels = [leaves];
  while (levels.at(-1).length >= 2) {
    const below = levels.at(-1),
      pairs = [];
    for (let i = 0; i + 1 < below.length; i += 2) pairs.push([below[i], below[i + 1]]);
    levels.push(await inOrder(pairs, ([left, right]) => nodeHash(left, right)));
  }
  return levels;
}

/* The root over the first `size` leaves: the complete subtrees that they fall into, folded from the right. */
async function rootOf(size, read) {
  if (size === 0) return sha256(new Uint8Array());
  const edge = [];
  let low = 0;
  for (let level = 30; level >= 0; level--) {
    if (Math.floor(size / 2 ** level) % 2) {
      edge.push(await read(level, low / 2 ** level));
      low += 2 ** level;
    }
  }
  let value = edge.pop();
  while (edge.length) value = await nodeHash(edge.pop(), value);
  return value;
}

async function rootOfLeaves(leaves, size) {
  const levels = await completeLevels(leaves.slice(0, size));
  return rootOf(size, (level, n) => levels[level][n]);
}

/* The root at `size` to which a proof leads from a leaf (RFC 9162, 2.1.3.2). */
async function rootFrom(proof, index, size, leaf) {
  if (!(index >= 0 && index < size)) throw new Refused(t`entry ${index} cannot be in a tree of ${size}`);
  let here = index,
    last = size - 1,
    value = leaf;
  for (const step of proof) {
    if (last === 0) throw new Refused(t`the proof has more than the hashes needed for entry ${index} of ${size}`);
    if (here % 2 || here === last) {
      value = await nodeHash(step, value);
      while (here % 2 === 0 && here) {
        here = Math.floor(here / 2);
        last = Math.floor(last / 2);
      }
    } else {
      value = await nodeHash(value, step);
    }
    here = Math.floor(here / 2);
    last = Math.floor(last / 2);
  }
  if (last) throw new Refused(t`the proof has ${proof.length} hashes, too few for entry ${index} of ${size}`);
  return value;
}

function tilePath(level, n, width = TILE_WIDTH) {
  const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, "0");
  const groups = digits.match(/.{3}/g);
  const path =
    groups
      .slice(0, -1)
      .map((each) => `x${each}/`)
      .join("") + groups.at(-1);
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

function parseTilePath(path) {
  const found = TILE_PATH.exec(path);
  if (found === null) return null;
  const level = found[1] === "entries" ? "entries" : Number(found[1]);
  const n = Number(found[2].replace(/[x/]/g, "")),
    width = found[3] === undefined ? TILE_WIDTH : Number(found[3]);
  if (level > 63 || width > TILE_WIDTH || tilePath(level, n, width) !== path) return null;
  return { level, n, width, path };
}

function tile(level, n, size) {
  const width = Math.min(TILE_WIDTH, size - n * TILE_WIDTH);
  return { level, n, width, path: tilePath(level, n, width) };
}

function tilesFor(size) {
  const found = [];
  for (let level = 0; Math.floor(size / 2 ** (8 * level)) > 0; level++) {
    const end = Math.floor(size / 2 ** (8 * level));
    for (let n = 0; n * TILE_WIDTH < end; n++) found.push(tile(level, n, end));
  }
  return found;
}

function bundlesFor(size) {
  const found = [];
  for (let n = 0; n * TILE_WIDTH < size; n++) found.push(tile("entries", n, size));
  return found;
}

function decodeTile(data, width) {
  if (data.length !== 32 * width) {
    throw new Refused(t`a tile of width ${width} has ${32 * width} bytes, ${data.length} came`);
  }
  return Array.from({ length: width }, (_, i) => data.subarray(32 * i, 32 * i + 32));
}

function decodeEntries(data, width) {
  const entries = [];
  let at = 0;
  while (at < data.length && entries.length < width) {
    const begin = at + 2;
    at = begin + (begin <= data.length ? view(data).getUint16(begin - 2) : 0);
    if (at > data.length || begin > data.length) {
      throw new Refused(t`entry ${entries.length} of the bundle is cut short at byte ${data.length}`);
    }
    entries.push(data.subarray(begin, at));
  }
  if (entries.length !== width || at !== data.length) {
    throw new Refused(
      t`${width} entries are expected; ${entries.length} came, with ${data.length - at} bytes after them`,
    );
  }
  return entries;
}

function encodeEntries(entries) {
  return concat(...entries.flatMap((each) => [new Uint8Array([each.length >> 8, each.length & 255]), each]));
}
