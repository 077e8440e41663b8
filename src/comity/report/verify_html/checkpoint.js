/* Checkpoints under a policy: which tree the log signed, who cosigned it, and whether that makes the quorum. */

const SIGNATURE_FACTS = ["log signatures", "cosignatures", "quorum"];

function parseHead(text, strict = false) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.at(-1) !== "") {
    throw new Refused(t`a checkpoint has three lines, each ending in a newline; ${quoted(cut(text, 80))} came`);
  }
  if (lines.slice(0, -1).includes("")) throw new Refused(t`an empty line inside a checkpoint`, lines.indexOf("") + 1);
  if (strict && lines.length > 4) {
    throw new Refused(t`extension line ${quoted(cut(lines[3], 40))}; only origin, size and root are expected`, 4);
  }
  const [origin, size, root] = lines;
  const bytes = utf8(origin).length;
  if (bytes < 1 || bytes > 255 || /[\x00-\x1f]/.test(origin) || !isWhole(origin)) {
    throw new Refused(t`an origin has 1 to 255 bytes on one line; ${quoted(cut(origin, 40))} came`, 1);
  }
  try {
    var count = parseDecimal(size);
  } catch (error) {
    throw new Refused(t`a size is expected: ${error.said}`, 2);
  }
  try {
    var value = fromBase64(root);
  } catch (error) {
    throw new Refused(t`a root is expected: ${error.said}`, 3);
  }
  if (value.length !== 32) throw new Refused(t`a root has 32 bytes, ${value.length} came`, 3);
  return { origin, size: count, root: hex(value) };
}

/* A policy (c2sp.org/tlog-policy): logs, witnesses, groups and the quorum. */
async function parsePolicy(text) {
  const policy = { logs: [], witnesses: [], groups: [], quorum: null };
  const defined = new Map(),
    grouped = new Map(),
    keys = new Map();
  const lines = text.split("\n");
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(text)) throw new Refused(t`a control character other than tab and newline`);
  if (lines.pop() !== "") throw new Refused(t`the last line does not end in a newline; is the file cut short?`);
  const define = (name, number) => {
    if (name === "none") throw new Refused(t`the name 'none' is reserved for 'quorum none'`, number);
    if (defined.has(name)) throw new Refused(t`the name ${quoted(name)} is already defined`, number);
    defined.set(name, number);
  };
  const take = async (vkey, kinds, number) => {
    const key = await parseVkey(vkey);
    if (!kinds.includes(key.kind)) throw new Refused(t`key ${quoted(key.name)} is of kind ${key.kind}`, number);
    if (keys.has(hex(key.public))) throw new Refused(t`the public key of ${quoted(key.name)} stands twice`, number);
    keys.set(hex(key.public), number);
    return key;
  };
  for (const [place, line] of lines.entries()) {
    const items = line.split(/[ \t]+/).filter((item) => item !== ""),
      number = place + 1;
    if (!items.length || items[0].startsWith("#")) continue;
    const [word, ...rest] = items;
    if (word === "log" && (rest.length === 1 || rest.length === 2)) {
      policy.logs.push(await take(rest[0], ["ed25519", "mldsa44-cosigner"], number));
    } else if (word === "witness" && (rest.length === 2 || rest.length === 3)) {
      define(rest[0], number);
      const key = await take(rest[1], ["ed25519-cosigner", "mldsa44-cosigner"], number);
      policy.witnesses.push({ name: rest[0], key });
    } else if (word === "group" && rest.length >= 3) {
      policy.groups.push(group(rest, number, defined, grouped));
      define(rest[0], number);
    } else if (word === "quorum" && rest.length === 1) {
      if (policy.quorum !== null) throw new Refused(t`a second quorum line; exactly one is expected`, number);
      if (rest[0] !== "none" && !defined.has(rest[0])) {
        throw new Refused(t`${quoted(rest[0])} is not defined on a line before this one`, number);
      }
      policy.quorum = rest[0];
    } else {
      throw new Refused(t`a line of a policy cannot be read: ${quoted(cut(line, 40))}`, number);
    }
  }
  if (policy.quorum === null) throw new Refused(t`no quorum line; 'quorum none' says that no cosignature is needed`);
  return policy;
}

function group([name, how, ...members], number, defined, grouped) {
  const threshold = how === "all" ? members.length : how === "any" ? 1 : parseDecimal(how);
  if (threshold < 1 || threshold > members.length) {
    throw new Refused(
      t`a group of ${members.length} takes a threshold of 1 to ${members.length}, not ${threshold}`,
      number,
    );
  }
  for (const member of members) {
    if (!defined.has(member)) throw new Refused(t`${quoted(member)} is not defined on a line before this one`, number);
    if (grouped.has(member)) throw new Refused(t`${quoted(member)} is already a member of a group`, number);
    grouped.set(member, name);
  }
  return { name, threshold, members };
}

/* The smallest set of witnesses still missing for the quorum; empty where it is met. */
function missingFor(policy, signed) {
  if (policy.quorum === "none") return [];
  const lacking = new Map(policy.witnesses.map(({ name }) => [name, signed.has(name) ? [] : [name]]));
  for (const each of policy.groups) {
    const cheapest = each.members.map((name) => lacking.get(name)).sort((a, b) => a.length - b.length);
    const chosen = new Set(cheapest.slice(0, each.threshold).flat());
    lacking.set(
      each.name,
      policy.witnesses.map(({ name }) => name).filter((name) => chosen.has(name)),
    );
  }
  return lacking.get(policy.quorum);
}

/* A checkpoint that bears exactly the signatures that the policy names, each once. */
async function openStrictly(data, policy) {
  const note = parseNote(data);
  const head = parseHead(note.text, true);
  if (!policy.logs.length) throw new Refused(t`the policy names no log, so nobody's signature can be expected`);
  for (const log of policy.logs) {
    if (log.name !== head.origin) {
      throw new Refused(t`origin ${quoted(head.origin)}; the policy's log is ${quoted(log.name)}`, 1);
    }
  }
  const expected = new Map(
    [...policy.logs, ...policy.witnesses.map(({ key }) => key)].map((key) => [identity(key), key]),
  );
  const found = new Map();
  for (const signature of note.signatures) {
    const name = identity(signature),
      key = expected.get(name);
    if (key === undefined) {
      const wanted = [...expected.keys()].join(", ");
      throw new Refused(
        t`a signature by ${name}, which the policy does not name; expected are ${wanted}`,
        signature.line,
      );
    }
    if (found.has(name)) throw new Refused(t`a second signature by ${name}; one is expected`, signature.line);
    try {
      found.set(name, await checkSignature(key, note.text, signature.blob));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Refused(t`the signature by ${name} is not valid: ${error.said}`, signature.line);
    }
    if (found.get(name).at === null && key.kind !== "ed25519") {
      throw new Refused(t`the cosignature by ${name} states no time`, signature.line);
    }
  }
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  if (missing.length) {
    throw new Refused(t`no signature by ${missing.join(", ")}`, note.first + note.signatures.length);
  }
  return { head, found };
}

/* The rule of signed notes, for a receipt: a witness may be missing, and a log of the policy has signed. */
async function openCheckpoint(data, policy) {
  const opened = await openNote(data, [...policy.logs, ...policy.witnesses.map(({ key }) => key)]);
  const head = parseHead(opened.text);
  const found = new Map(opened.verified.map(({ key, at, checked }) => [identity(key), { at, checked }]));
  if (!policy.logs.some((log) => found.has(identity(log)) && log.name === head.origin)) {
    const origins = [...new Set(policy.logs.map((log) => log.name))].join(", ") || "none";
    throw new Refused(
      t`no log of the policy signed this checkpoint of ${quoted(head.origin)}; its logs are ${origins}`,
    );
  }
  return { head, found };
}

/* The facts about a checkpoint under the strict rule, and its head where a signature of the log was verified. */
async function checkCheckpoint(data, policy, where = "checkpoint") {
  let opened;
  try {
    opened = await openStrictly(data, policy);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const place = error.line === null ? where : t`${where} line ${error.line}`;
    const because = t`not looked at, because the checkpoint does not hold`;
    return {
      facts: [fact("checkpoint", false, error.said, place), ...unestablished(SIGNATURE_FACTS, because)],
      head: null,
    };
  }
  const { head } = opened;
  const said = t`${head.origin} at ${counted(head.size, "entry", "entries")}, root ${head.root}`;
  const signed = signatureFacts(opened, policy);
  if (signed[0].holds !== true) {
    const because = t`it has the form of one, and no signature of the log that this page can check`;
    return { facts: [fact("checkpoint", null, because), ...signed], head: null };
  }
  return { facts: [fact("checkpoint", true, said), ...signed], head };
}

function signatureFacts({ head, found }, policy) {
  const logs = policy.logs.filter((log) => found.has(identity(log)) && log.name === head.origin);
  const checked = logs.filter((log) => found.get(identity(log)).checked);
  const unchecked = logs.length > checked.length;
  const cosigned = policy.witnesses.filter(({ key }) => found.has(identity(key)));
  const timed = (each) => found.get(identity(each.key)).at !== null;
  const counts = (each) => found.get(identity(each.key)).checked && timed(each);
  const names = cosigned.filter(counts).map((each) => t`${each.name} at ${found.get(identity(each.key)).at} UTC`);
  const others = cosigned.filter((each) => !found.get(identity(each.key)).checked).map(({ name }) => name);
  let log = fact("log signatures", true, t`by the log's own keys: Ed25519`);
  if (!checked.length)
    log = fact("log signatures", null, t`the log signed with ML-DSA-44 alone, which this page does not check`);
  else if (unchecked)
    log.detail = t`by the log's own keys: Ed25519; its signature with ML-DSA-44 is not checked by this page`;
  const signed = names.length ? joined(names, ", ") : t`none`;
  const more = t`${signed}; with ML-DSA-44, which this page does not check: ${others.join(", ")}`;
  return [
    log,
    fact("cosignatures", names.length ? true : null, others.length ? more : signed),
    quorumFact(
      policy,
      new Set(cosigned.filter(counts).map(({ name }) => name)),
      new Set(cosigned.filter(timed).map(({ name }) => name)),
    ),
  ];
}

function quorumFact(policy, signed, stated) {
  const missing = missingFor(policy, signed);
  if (missing.length && !missingFor(policy, stated).length) {
    return fact(
      "quorum",
      null,
      t`it rests on ML-DSA-44 signatures, which this page does not check: ${missing.join(", ")}`,
    );
  }
  if (missing.length) {
    const names = missing.join(", ");
    return fact(
      "quorum",
      null,
      t`not met: ${names} missing; what is under this root is recorded, not yet held by both`,
    );
  }
  if (policy.quorum === "none" && !signed.size) {
    return fact("quorum", null, t`the policy asks for no cosignature: recorded, and held by nobody else`);
  }
  return fact("quorum", true, t`met: what is under this root is held by those who cosigned`);
}
