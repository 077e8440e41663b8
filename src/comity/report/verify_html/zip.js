/* The bundle's zip file, read without trust in whoever packed it.

   Names are held to the list of a bundle's files, sizes are bounded before anything is unpacked, and what unpacks to
   another size or checksum is refused.  Nothing is written anywhere. */

const MIB = 1024 * 1024;
const MAX_ARCHIVE = 2048 * MIB;
const MAX_FILES = 200000;
const MAX_UNPACKED = 2048 * MIB;
const MAX_FACTOR = 1000;
const SLACK = 64 * 1024;
const SIZES = {
  __proto__: null,
  "bundle.json": 32 * MIB,
  "terms.json": MIB,
  "plan.json": MIB,
  "scores.json": 64 * MIB,
  "report.json": MIB,
  "report.html": 16 * MIB,
  "drawn.json": MIB,
  "frame.json": 32 * MIB,
};
const MAX_TILE = 17 * MIB;
const MAX_CONTENT = 192 * MIB;
const CONTENT =
  /^(sealed\/(0|[1-9][0-9]{0,14})-(request|answer)|disclosed\/(0|[1-9][0-9]{0,14})|labels\/[a-z0-9-]{1,32})\.json$/;
const REQUIRED = ["terms.json", "plan.json", "scores.json", "report.json", "report.html", "ledger/checkpoint"];

function isBundleName(name) {
  if (name in SIZES || name === "ledger/checkpoint" || CONTENT.test(name)) return true;
  return name.startsWith("ledger/tile/") && parseTilePath(name.slice("ledger/".length)) !== null;
}

const CRC_TABLE = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(data) {
  let crc = 0xffffffff;
  for (let i = 0; i < data.length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ data[i]) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

const MOST_IN_MEMORY = 256 * MIB;

/* A file as it is read: whole, where it is small enough, because each read of a part asks another process. */
async function sourceOf(file) {
  const whole = file.size <= MOST_IN_MEMORY ? new Uint8Array(await file.arrayBuffer()) : null;
  return { name: file.name, size: file.size, whole, file };
}

async function slice(source, from, to) {
  if (source.whole) return source.whole.slice(from, to);
  return new Uint8Array(await (source.file ?? source).slice(from, to).arrayBuffer());
}

function view(data) {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

/* A name as it may be shown: what cannot be printed is spelled out. */
function shownName(name) {
  return quoted(cut(name, 120)).slice(1, -1);
}

class Archive {
  constructor(file, members) {
    this.file = file;
    this.members = members;
    this.names = [...members.keys()].sort();
  }

  has(name) {
    return this.members.has(name);
  }

  /* A file's bytes; refused where it is missing or does not unpack to what was declared. */
  async read(name) {
    const member = this.members.get(name);
    if (member === undefined) throw new BadBundle(name, t`missing from the bundle`);
    const head = await slice(this.file, member.offset, member.offset + 30);
    if (head.length < 30 || view(head).getUint32(0, true) !== 0x04034b50) {
      throw new BadBundle(name, t`it cannot be unpacked: there is no file where the archive's list says`);
    }
    const begin = member.offset + 30 + view(head).getUint16(26, true) + view(head).getUint16(28, true);
    const named = await slice(this.file, member.offset + 30, member.offset + 30 + view(head).getUint16(26, true));
    if (!equalBytes(named, member.named)) {
      throw new BadBundle(name, t`it cannot be unpacked: the file bears another name than the archive's list gives it`);
    }
    const packed = await slice(this.file, begin, begin + member.packed);
    if (packed.length !== member.packed) throw new BadBundle(name, t`it cannot be unpacked: the archive is cut short`);
    const data = member.method === 0 ? packed : await inflate(name, packed, member.size);
    if (data.length !== member.size) {
      throw new BadBundle(name, t`it unpacks to ${data.length} bytes, ${member.size} are declared`);
    }
    if (crc32(data) !== member.crc) throw new BadBundle(name, t`it cannot be unpacked: its checksum is another`);
    return data;
  }
}

/* Never unpacks more than was declared. */
async function inflate(name, packed, size) {
  const unpacking = new DecompressionStream("deflate-raw");
  const writer = unpacking.writable.getWriter(),
    reader = unpacking.readable.getReader();
  const parts = [];
  let length = 0;
  writer.write(packed).catch(() => {});
  writer.close().catch(() => {}); // what fails is read as failing below
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > size) {
        await reader.cancel();
        throw new BadBundle(name, t`it unpacks to more than the ${size} bytes that are declared`);
      }
      parts.push(value);
    }
  } catch (error) {
    if (error instanceof BadBundle) throw error;
    throw new BadBundle(name, t`it cannot be unpacked: its packed bytes are broken`);
  }
  return concat(...parts);
}

async function openArchive(file) {
  const none = () => new BadBundle("", t`the file is no zip archive that can be read`);
  if (file.size > MAX_ARCHIVE) throw new BadBundle("", t`the archive has more than ${MAX_ARCHIVE} bytes`);
  const first = await slice(file, 0, 4);
  if (!equalBytes(first, new Uint8Array([0x50, 0x4b, 3, 4]))) {
    throw new BadBundle("", t`the file does not begin as a zip archive does`);
  }
  const list = await directory(file, none);
  if (list.count > MAX_FILES) throw new BadBundle("", t`${list.count} files, at most ${MAX_FILES} are read`);
  const data = await slice(file, list.offset, list.offset + list.size);
  const read = [];
  for (let at = 0; at < data.length;) {
    if (data.length - at < 46 || view(data).getUint32(at, true) !== 0x02014b50) throw none();
    const found = member(data, at);
    if (found.next > data.length) throw none();
    read.push(found);
    at = found.next;
    if (read.length > MAX_FILES) throw new BadBundle("", t`${read.length} files, at most ${MAX_FILES} are read`);
  }
  if (read.length !== list.count) throw none();
  const begins = read.reduce((least, each) => Math.min(least, each.offset), Infinity);
  if (read.length && begins !== 0) throw new BadBundle("", t`bytes that belong to no file stand before the first one`);
  const members = new Map();
  let unpacked = 0;
  for (const each of read) {
    if (members.has(each.name)) throw new BadBundle(shownName(each.name), t`the name stands twice in the archive`);
    checkMember(each);
    unpacked += each.size;
    if (unpacked > MAX_UNPACKED) {
      throw new BadBundle(each.name, t`up to here more than ${MAX_UNPACKED} bytes unpacked are declared`);
    }
    members.set(each.name, each);
  }
  return new Archive(file, members);
}

/* Where the archive's list of files lies; what stands behind the list is refused. */
async function directory(file, none) {
  const from = Math.max(0, file.size - 65557);
  const tail = await slice(file, from, file.size);
  const end = tail.length - 22;
  if (end < 0) throw none();
  if (view(tail).getUint32(end, true) !== 0x06054b50 || view(tail).getUint16(end + 20, true) !== 0) {
    for (let at = end - 1; at >= 0; at--) {
      if (view(tail).getUint32(at, true) === 0x06054b50) {
        throw new BadBundle("", t`a comment stands behind the archive; a bundle has none`);
      }
    }
    throw none();
  }
  let count = view(tail).getUint16(end + 10, true);
  let size = view(tail).getUint32(end + 12, true);
  let offset = view(tail).getUint32(end + 16, true);
  let at = from + end;
  if (end >= 76 && view(tail).getUint32(end - 20, true) === 0x07064b50) {
    const long = view(tail);
    if (long.getUint32(end - 76, true) !== 0x06064b50) throw none();
    const numbers = [end - 76 + 32, end - 76 + 40, end - 76 + 48].map((place) =>
      Number(long.getBigUint64(place, true)),
    );
    [count, size, offset] = numbers;
    at -= 76;
  }
  if (size + offset > at) throw none();
  if (size + offset < at) throw new BadBundle("", t`bytes that belong to no file stand before the first one`);
  return { count, size, offset };
}

function member(data, at) {
  const fields = view(data);
  const named = data.slice(at + 46, at + 46 + fields.getUint16(at + 28, true));
  const next = at + 46 + named.length + fields.getUint16(at + 30, true) + fields.getUint16(at + 32, true);
  let name = "";
  for (const byte of named) name += String.fromCharCode(byte);
  return {
    name,
    named,
    next,
    flags: fields.getUint16(at + 8, true),
    method: fields.getUint16(at + 10, true),
    crc: fields.getUint32(at + 16, true),
    packed: fields.getUint32(at + 20, true),
    size: fields.getUint32(at + 24, true),
    mode: fields.getUint32(at + 38, true) >>> 16,
    offset: fields.getUint32(at + 42, true),
  };
}

function checkMember(each) {
  const { name } = each;
  if (!isBundleName(name)) throw new BadBundle(shownName(name), t`no file of a bundle has this name`);
  const kind = each.mode & 0o170000;
  if (kind !== 0 && kind !== 0o100000) {
    throw new BadBundle(name, t`it is a link, a folder or a device; a bundle holds files`);
  }
  if (each.flags & 1) throw new BadBundle(name, t`it is encrypted; a bundle is not`);
  if (each.method !== 0 && each.method !== 8) {
    throw new BadBundle(name, t`it is packed by method ${each.method}; stored and deflate are read`);
  }
  const most = SIZES[name] ?? (name.startsWith("ledger/") ? MAX_TILE : MAX_CONTENT);
  if (each.size > most) {
    throw new BadBundle(name, t`${each.size} bytes unpacked are declared, at most ${most} are read`);
  }
  if (each.size > SLACK + MAX_FACTOR * each.packed) {
    throw new BadBundle(name, t`${each.packed} bytes unpack to ${each.size}: that is no text of ours`);
  }
}

function readManifest(data) {
  try {
    const whole = parseCanonical(data, SIZES["bundle.json"]);
    if (!hasExactly(whole, "format", "ledger", "run", "files") || whole.format !== "comity bundle/1") {
      throw new Refused(t`expected the members files, format (comity bundle/1), ledger and run`);
    }
    if (
      !isObject(whole.files) ||
      ![whole.ledger, ...Object.values(whole.files)].every((each) => typeof each === "string")
    ) {
      throw new Refused(t`files are names with digests, ledger is a text`);
    }
    if (typeof whole.run !== "string") throw new Refused(t`run is a text`);
    return whole;
  } catch (error) {
    if (error instanceof Refused) throw new BadBundle("bundle.json", error.said);
    throw error;
  }
}

/* Each file that differs from its digest in bundle.json, is missing, or is not named there. */
async function compareManifest(archive, manifest, progress) {
  const wrong = [];
  for (const name of Object.keys(manifest.files).sort()) {
    if (!archive.has(name)) wrong.push([name, t`bundle.json names it and it is not there`]);
  }
  let done = 0;
  for (const name of archive.names) {
    await progress(done++ / archive.names.length);
    if (name === "bundle.json") continue;
    if (!(name in manifest.files)) {
      wrong.push([name, t`bundle.json does not name it`]);
    } else if ((await sha256Hex(await archive.read(name))) !== manifest.files[name]) {
      wrong.push([name, t`its bytes are not those that bundle.json names`]);
    }
  }
  return wrong;
}
