/* Signed notes and the keys under them (c2sp.org/signed-note, tlog-cosignature).

   A signature by an unknown key is ignored, one by a known key that fails rejects the whole note.  ML-DSA-44 signatures
   are read for their form; `checked` tells them from those that were verified. */

const KIND_OF = { 1: "ed25519", 4: "ed25519-cosigner", 6: "mldsa44-cosigner" };
const PUBLIC_SIZE = { ed25519: 32, "ed25519-cosigner": 32, "mldsa44-cosigner": 1312 };
const SIGNATURE_SIZE = { ed25519: 64, "ed25519-cosigner": 64, "mldsa44-cosigner": 2420 };
const MAX_NOTE = 1000000;
const MAX_SIGNATURES = 100;
const MAX_SECONDS = 253402300799;

function isKeyName(name) {
  return name !== "" && isWhole(name) && !/[\s+\x00-\x1f\x85]/.test(name);
}

async function parseVkey(text) {
  const expected = t`a verifier key is '<name>+<hex key ID>+<base64>'`;
  const [name, id, ...rest] = text.split("+");
  if (rest.length === 0 || !isKeyName(name)) throw new Refused(t`${expected}, the name without spaces or plus`);
  let material;
  try {
    material = fromBase64(rest.join("+"));
  } catch {
    throw new Refused(t`${expected}; the base64 of ${quoted(name)} is not in canonical form`);
  }
  const kind = material.length ? KIND_OF[material[0]] : undefined;
  if (kind === undefined) throw new Refused(t`key ${quoted(name)}: types 01, 04 and 06 are known here, another came`);
  if (material.length - 1 !== PUBLIC_SIZE[kind]) {
    throw new Refused(t`${kind} keys have ${PUBLIC_SIZE[kind]} bytes, not ${material.length - 1}`);
  }
  const right = (await sha256Hex(concat(utf8(`${name}\n`), material))).slice(0, 8);
  if (id !== right) throw new Refused(t`the key ID of ${quoted(name)} is ${right}, the line says otherwise`);
  return { kind, name, id, public: material.slice(1), vkey: text };
}

function parseNote(data) {
  if (data.length > MAX_NOTE) throw new Refused(t`a note has at most ${MAX_NOTE} bytes, ${data.length} came`);
  let whole;
  try {
    whole = fromUtf8(data);
  } catch {
    throw new Refused(t`a note is UTF-8, and this is not`);
  }
  const control = /[\x00-\x09\x0b-\x1f]/.exec(whole);
  if (control) throw new Refused(t`a note holds no control character but the newline`, lineAt(whole, control.index));
  const split = whole.lastIndexOf("\n\n");
  if (split < 0) throw new Refused(t`no empty line between text and signatures`);
  const text = whole.slice(0, split + 1),
    signed = whole.slice(split + 2);
  const first = lineAt(text, text.length) + 1;
  if (!signed.endsWith("\n")) {
    throw new Refused(
      t`signature lines are expected after the last empty line, each ending in a newline`,
      first + lineAt(signed, signed.length) - 1,
    );
  }
  const lines = signed.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) {
    throw new Refused(t`a note has at most ${MAX_SIGNATURES} signatures, ${lines.length} came`);
  }
  return { text, first, signatures: lines.map((line, n) => parseSignature(line, first + n)) };
}

function lineAt(text, end) {
  return text.slice(0, end).split("\n").length;
}

function parseSignature(line, number) {
  if (!line.startsWith("— ")) {
    throw new Refused(t`a signature line begins with an em dash (U+2014) and a space`, number);
  }
  const rest = line.slice(2),
    space = rest.indexOf(" ");
  const name = space < 0 ? "" : rest.slice(0, space);
  if (space < 0 || !isKeyName(name)) {
    throw new Refused(t`a signature line is '— <name> <base64>', the name without spaces or plus`, number);
  }
  let blob;
  try {
    blob = fromBase64(rest.slice(space + 1));
  } catch (error) {
    throw new Refused(t`signature of ${quoted(name)}: ${error.said}`, number);
  }
  if (blob.length <= 4) {
    throw new Refused(
      t`signature of ${quoted(name)} has ${blob.length} bytes; a 4-byte key ID and more is expected`,
      number,
    );
  }
  return { name, id: hex(blob.slice(0, 4)), blob: blob.slice(4), line: number };
}

function identity(key) {
  return `${key.name}+${key.id}`;
}

/* Checks one signature: `at` is the time it states, `checked` whether this page verified it. */
async function checkSignature(key, text, blob) {
  const size = SIGNATURE_SIZE[key.kind];
  if (key.kind === "ed25519") {
    if (blob.length !== size) throw new Refused(t`an Ed25519 signature has ${size} bytes, not ${blob.length}`);
    if (!(await verifyEd25519(key.public, blob, utf8(text)))) throw new Refused(t`it does not verify over this text`);
    return { at: null, checked: true };
  }
  if (blob.length !== 8 + size) {
    throw new Refused(t`a cosignature of this type has ${8 + size} bytes, not ${blob.length}`);
  }
  const seconds = Number(view(blob).getBigUint64(0));
  if (seconds > MAX_SECONDS) throw new Refused(t`a time lies beyond the year 9999`);
  try {
    parseHead(text);
  } catch (error) {
    throw new Refused(t`a cosignature is over a checkpoint only: ${error.said}`);
  }
  const checked = key.kind === "ed25519-cosigner";
  const message = utf8(`cosignature/v1\ntime ${seconds}\n${text}`);
  if (checked && !(await verifyEd25519(key.public, blob.slice(8), message))) {
    throw new Refused(t`it does not verify over this text`);
  }
  return { at: seconds === 0 ? null : new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " "), checked };
}

/* Who among `keys` signed a note; refused if a known key's signature fails, or no known key signed. */
async function openNote(data, keys) {
  const known = new Map(keys.map((key) => [identity(key), key]));
  const note = parseNote(data);
  const verified = [],
    unknown = [],
    seen = new Set();
  for (const signature of note.signatures) {
    const key = known.get(identity(signature));
    if (key === undefined) {
      unknown.push(signature);
    } else if (!seen.has(identity(signature))) {
      seen.add(identity(signature));
      try {
        verified.push({ key, ...(await checkSignature(key, note.text, signature.blob)) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        throw new Refused(t`signature of ${quoted(key.name)} (${key.id}): ${error.said}`);
      }
    }
  }
  if (!verified.length) {
    const wanted = [...known.keys()].join(", ") || "none",
      came = unknown.map(identity).join(", ");
    throw new Refused(t`no known key signed this note: known are ${wanted}; it is signed by ${came}`);
  }
  return { text: note.text, verified, unknown, signatures: note.signatures };
}
