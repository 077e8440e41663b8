/* The end of an arrangement: the closing that both signed, and what was erased. */

async function checkEnding(history, terms, origin) {
  const closing = new Faults("closing"),
    erasures = new Faults("erasures");
  const grants = new Map(),
    standstill = new Standstill(),
    open = new Set(),
    commitments = new Map();
  let closed = -1,
    erased = 0,
    signed = "";
  for (const [index, record] of history) {
    switch (record.kind) {
      case "arrangement.signed":
        signed = record.digest;
        break;
      case "access.suspended":
        standstill.suspend(index, record);
        break;
      case "access.resumed":
        standstill.resume(record);
        break;
      case "grant.issued":
        grants.set(record.grant, record.expires);
        if (closed >= 0) closing.add(entry(index), t`a grant after access was closed at entry ${closed}`);
        break;
      case "grant.revoked":
        grants.delete(record.grant);
        break;
      case "call.permitted":
        open.add(index);
        commitments.set(index, [record.request]);
        break;
      case "call.settled":
        open.delete(record.permit);
        if (record.answer) setDefault(commitments, record.permit, []).unshift(record.answer);
        break;
      case "call.abandoned":
        open.delete(record.permit);
        break;
      case "access.closed": {
        const clock = standstill.clock(record.at);
        const live = [...grants.values()].filter((expires) => (instantOf(expires) ?? -Infinity) > clock).length;
        if (live || record.grants) {
          closing.add(entry(index), t`${live} grants are in force here, and the entry says ${record.grants}`);
        }
        if (open.size) closing.add(entry(index), t`${open.size} calls are open here`);
        if (closed >= 0 || record.digest !== signed) {
          closing.add(entry(index), t`it closes other terms than those in force, or what is closed already`);
        }
        await checkEndingNote(index, record.note, ["comity close/1", origin, record.digest], terms, ROLES, closing);
        closed = index;
        break;
      }
      case "content.erased": {
        erased++;
        if (closed < 0) erasures.add(entry(index), t`content was erased before access was closed`);
        const calls = [...commitments.keys()].sort((a, b) => a - b);
        const held = erased > 1 ? [] : calls.flatMap((call) => commitments.get(call));
        const root = await sha256Hex(utf8(held.map((each) => `${each}\n`).join("")));
        if (record.items !== held.length || record.root !== root) {
          const said = t`the calls before it commit to ${held.length} items; it states ${record.items}, or another root`;
          erasures.add(entry(index), said);
        }
        await checkEndingNote(index, record.note, ["comity erase/1", origin], terms, ["authority"], erasures);
        break;
      }
    }
  }
  const facts = [];
  if (closed >= 0) {
    const ends = t`no call open, no grant in force, none given after it`;
    facts.push(closing.fact(t`closed at entry ${closed}, signed by both parties: ${ends}`));
  }
  if (erased) facts.push(erasures.fact(t`what was erased is every sealed item that the calls before it commit to`));
  return facts;
}

/* The note says what its entry says, under the signatures of exactly these parties. */
async function checkEndingNote(index, data, expected, terms, roles, faults) {
  let opened;
  try {
    opened = await openNote(utf8(data), Object.values(terms.keys));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    faults.add(entry(index), t`its note does not hold: ${error.said}`);
    return;
  }
  const lines = opened.text.replace(/\n$/, "").split("\n").slice(0, -1);
  if (lines.join("\n") !== expected.join("\n") || lines.length !== expected.length) {
    faults.add(entry(index), t`the signed act says ${quoted(cut(opened.text, 120))}`);
  }
  const by = opened.verified
    .map(({ key }) => key.vkey)
    .sort()
    .join();
  if (
    opened.unknown.length ||
    by !==
      roles
        .map((role) => terms.keys[role].vkey)
        .sort()
        .join()
  ) {
    const names = joined(
      roles.map((role) => ROLE_WORDS[role]),
      t` and `,
    );
    faults.add(entry(index), t`expected signatures of ${names}, and of nobody else`);
  }
}
