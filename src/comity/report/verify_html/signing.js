/* Signatures inside the entries: the terms by both parties, and each party's own acts. */

const ACTS = new Set([
  "grant.issued",
  "grant.revoked",
  "access.stopped",
  "access.suspended",
  "access.resumed",
  "access.exited",
  "draw.committed",
  "draw.revealed",
  "plan.deviated",
]);

/* Entry 0 holds the terms' digest under both signatures; amendments follow one another. */
async function checkTerms(history, terms) {
  const faults = new Faults("terms");
  const signed = history.filter(([, record]) => record.kind === "arrangement.signed");
  if (!signed.length || signed[0][0] !== 0) {
    faults.add(entry(0), t`the first entry of an arrangement's ledger is arrangement.signed, and this is not`);
    return faults.fact("");
  }
  let before = null;
  for (const [index, record] of signed) {
    checkTermsNote(index, record, faults);
    if (
      before !== null &&
      (record.arrangement !== before.arrangement ||
        record.terms_version !== before.terms_version + 1 ||
        record.previous !== before.digest)
    ) {
      faults.add(entry(index), t`the amendment does not follow from the version in force before it`);
    }
    before = record;
  }
  const mine = signed.find(([, record]) => record.digest === terms.digest);
  if (mine === undefined) {
    const digests = signed.map(([, record]) => record.digest).join(", ");
    faults.add("arrangement", t`its digest is ${terms.digest}; the ledger is kept under ${digests}`);
    return faults.fact("");
  }
  const [index, record] = mine;
  for (const [name, note, where] of [
    [t`the entry`, utf8(record.note), entry(index)],
    [t`the arrangement file`, terms.note, "arrangement"],
  ]) {
    try {
      const by = await signersOf(terms, note);
      for (const role of ROLES)
        if (!by.includes(role)) faults.add(where, t`the ${role} did not sign what ${name} holds`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      faults.add(where, t`the signatures in ${name} do not hold: ${error.said}`);
    }
  }
  if (record.arrangement !== terms.id || record.terms_version !== terms.version || record.previous !== terms.previous) {
    faults.add(entry(index), t`id, version or previous digest differ from those of the terms`);
  }
  const names = joined(
    ROLES.map((role) => t`the ${role} (${terms.keys[role].name})`),
    t` and `,
  );
  return faults.fact(t`version ${terms.version}, digest ${terms.digest}, signed by ${names}`);
}

function checkTermsNote(index, record, faults) {
  const { arrangement, terms_version, digest, previous } = record;
  const expected = `comity arrangement/1\n${arrangement}\n${terms_version}\n${digest}\n${previous || "-"}\n`;
  let note;
  try {
    note = parseNote(utf8(record.note));
  } catch (error) {
    faults.add(entry(index), t`what it holds is no signed note: ${error.said}`);
    return;
  }
  if (note.text !== expected) faults.add(entry(index), t`the signed text names other terms than the entry`);
  if (note.signatures.length !== ROLES.length) {
    faults.add(entry(index), t`${counted(note.signatures.length, "signature")}; both parties' are expected`);
  }
}

/* Every grant, revocation, stop, suspension and resumption is signed by the party whose act it is, once. */
async function checkActs(history, terms, origin) {
  const faults = new Faults("acts");
  const seen = new Map(),
    digests = new Set(),
    keys = new Map();
  let acts = 0,
    held = false;
  for (const [index, record] of history) {
    if (record.kind === "arrangement.signed") {
      digests.add(record.digest);
      held = record.digest === terms.digest;
    }
    if (!ACTS.has(record.kind)) continue;
    acts++;
    const grants = record.kind === "grant.issued";
    if (grants) keys.set(record.grant, record.key);
    let note;
    try {
      note = parseNote(utf8(record.note));
    } catch (error) {
      faults.add(entry(index), t`what it holds is no signed note: ${error.said}`);
      continue;
    }
    const lines = note.text.replace(/\n$/, "").split("\n");
    const expected = actLines(record, origin, keys);
    const given = lines.filter((_, place) => !(place === 2 && grants)).slice(0, -1);
    if (given.join("\n") !== expected.join("\n") || given.length !== expected.length || note.signatures.length !== 1) {
      const shown = (some) => cut(some.join(" / "), 160);
      faults.add(entry(index), t`the signed act says ${shown(lines)}, the entry says ${shown(expected)}`);
      continue;
    }
    if (grants && !digests.has(lines[2])) {
      faults.add(entry(index), t`the grant names other terms than those of this ledger`);
    }
    const nonce = lines.at(-1);
    if (grants && nonce !== record.grant) faults.add(entry(index), t`the grant's id is not the nonce that was signed`);
    if (seen.has(nonce)) faults.add(entry(index), t`the same signed act stands at entry ${seen.get(nonce)} already`);
    seen.set(nonce, index);
    await checkSigner(index, record, terms, faults);
    if (held) checkEntitled(index, record, terms, faults);
  }
  const kinds = t`grants, revocations, stops, suspensions, resumptions, exits, halves of draws, deviations from plans`;
  return faults.fact(t`${counted(acts, "act")} (${kinds}), each signed by its party`);
}

/* The lines of the act that an entry must hold, without a grant's terms and without the nonce. */
function actLines(record, origin, keys) {
  switch (record.kind) {
    case "grant.issued":
      return ["comity grant/1", origin, record.person, record.key, record.expires];
    case "grant.revoked":
      return ["comity revoke/1", origin, keys.get(record.grant) ?? "", record.cause];
    case "access.stopped":
      return ["comity stop/1", origin, record.cause];
    case "access.suspended":
      return ["comity suspend/1", origin, record.cause];
    case "access.resumed":
      return ["comity resume/1", origin, record.cause];
    case "access.exited":
      return ["comity exit/1", origin, record.cause, record.effective];
    case "draw.committed":
      return ["comity draw-commit/1", origin, record.run, record.commitment];
    case "plan.deviated":
      return ["comity plan-deviation/1", origin, record.plan, record.amended || "-", record.because];
    default:
      return ["comity draw-reveal/1", origin, record.run, record.nonce];
  }
}

async function checkSigner(index, record, terms, faults) {
  let opened;
  try {
    opened = await openNote(utf8(record.note), Object.values(terms.keys));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    faults.add(entry(index), t`no party of the terms signed it: ${error.said}`);
    return;
  }
  const role = ROLES.find((each) => terms.keys[each].vkey === opened.verified[0].key.vkey);
  if (record.kind !== "grant.issued" && record.kind !== "grant.revoked") {
    if (ROLES.includes(record.by) && record.by !== role) {
      faults.add(entry(index), t`the entry names the ${record.by}, the ${role} signed`);
    }
  } else if (role !== "authority") {
    faults.add(entry(index), t`grants are the authority's to give and end; the ${role} signed`);
  }
}

/* Whether the clauses let this party stop, suspend or leave. */
function checkEntitled(index, record, terms, faults) {
  const { by } = record;
  if (record.kind === "access.stopped" && !terms.stopBy.has(by)) {
    faults.add(entry(index), t`the ${by} stops the access, and the clause stop.by does not name it`);
  } else if (record.kind === "access.suspended" && !terms.suspensionBy.has(by)) {
    faults.add(entry(index), t`the ${by} suspends the access, and the clause suspension.by does not name it`);
  } else if (record.kind === "access.exited") {
    checkExit(index, record, terms, faults);
  }
}

function checkExit(index, record, terms, faults) {
  if (!terms.exitBy.has(record.by)) {
    faults.add(entry(index), t`the ${record.by} leaves, and the clause exit.by does not name it`);
  }
  const from = instantOf(record.effective);
  if (from === null) {
    faults.add(entry(index), t`from when on it ends access cannot be read: ${quoted(record.effective, 40)}`);
    return;
  }
  const notice = Math.floor(from / 86400000) - Math.floor(parseInstant(record.at) / 86400000);
  if (notice !== record.notice_days || notice < terms.exitNoticeDays) {
    const said = t`${terms.exitNoticeDays} days of notice agreed; from ${record.at} to ${record.effective} are ${notice}`;
    faults.add(entry(index), t`${said}, and the entry says ${record.notice_days}`);
  }
  if (record.cause === "unstated" && terms.exitStatement !== "none") {
    faults.add(entry(index), t`no cause is stated, and exit.statement is ${terms.exitStatement}`);
  }
}
