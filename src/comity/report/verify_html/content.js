/* The content: sealed items under the labels of their entries, and what is opened of them. */

const OVERHEAD = 48;
const MAX_DISCLOSURE = 192 * MIB;

function readSealed(data) {
  try {
    const whole = asObject(parseJson(data, true));
    if (whole.format !== "comity sealed/1") throw new Refused(t`format ${quoted(whole.format, 40)}`);
    const [ledger, index, part, commitment] = ["ledger", "index", "part", "commitment"].map((name) =>
      need(whole, name),
    );
    return { ledger, index, part, commitment, bytes: fromBase64(need(whole, "ciphertext")).length - OVERHEAD };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`no sealed item (comity sealed/1): ${error.said}`);
    throw error;
  }
}

/* Commitment and length of every request and answer of a run. */
function expectedItems(run) {
  const found = [];
  for (const [call, permit] of run.permits) {
    found.push({ call, part: "request", commitment: permit.request, bytes: permit.request_bytes });
    const settled = run.settled.get(call);
    if (settled !== undefined && settled.answer) {
      found.push({ call, part: "answer", commitment: settled.answer, bytes: settled.answer_bytes });
    }
  }
  return found;
}

/* Every call's sealed request and answer are there, under the entry's own label, and no other item. */
async function checkSealed(archive, run, origin, progress) {
  const faults = new Faults("sealed"),
    expected = expectedItems(run);
  let done = 0;
  for (const { call, part, commitment, bytes } of expected) {
    await progress(done++ / expected.length);
    const name = `sealed/${call}-${part}.json`;
    if (!archive.has(name)) {
      faults.add(name, t`missing; the ledger commits to the ${part} of call ${call}`);
      continue;
    }
    let item;
    try {
      item = readSealed(await archive.read(name));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      faults.add(name, error.said);
      continue;
    }
    for (const [member, value] of Object.entries({ ledger: origin, index: call, part, commitment, bytes })) {
      if (item[member] !== value) {
        faults.add(name, t`its ${member} is ${quoted(item[member] ?? null, 80)}, the entry says ${quoted(value)}`);
        break;
      }
    }
  }
  const wanted = new Set(expected.map(({ call, part }) => `sealed/${call}-${part}.json`));
  for (const name of archive.names.filter((each) => each.startsWith("sealed/") && !wanted.has(each))) {
    faults.add(name, t`it belongs to no call of this run`);
  }
  const calls = counted(run.permits.size, "call");
  const labels = t`each under its entry's commitment and of its length; what is inside only an opened item shows`;
  return faults.fact(t`${expected.length} sealed items of ${calls}, ${labels}`);
}

function readDisclosure(data) {
  if (data.length > MAX_DISCLOSURE) throw new Refused(t`${data.length} bytes, at most ${MAX_DISCLOSURE} are read`);
  try {
    const whole = parseJson(data, true);
    if (!hasExactly(whole, "format", "ledger", "index", "items") || whole.format !== "comity disclosure/1") {
      throw new Refused(t`expected the members format, ledger, index and items`);
    }
    const items = new Map(asList(whole.items).map((item) => [asText(asObject(item).part), disclosedItem(item)]));
    if (
      items.size !== whole.items.length ||
      !items.size ||
      ![...items.keys()].every((part) => ["request", "answer"].includes(part))
    ) {
      throw new Refused(t`each part stands once, 'request' or 'answer'`);
    }
    if (!Number.isSafeInteger(whole.index) || typeof whole.ledger !== "string") {
      throw new Refused(t`ledger is a text, index an integer`);
    }
    return { ledger: whole.ledger, index: whole.index, items };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(t`the file is no disclosure (comity disclosure/1): ${error.said}`);
    throw error;
  }
}

function disclosedItem(item) {
  if (
    !hasExactly(item, "part", "epoch", "commitment", "content_key", "ciphertext") ||
    typeof item.epoch !== "string" ||
    !isWhole(item.epoch)
  ) {
    throw new Refused(t`an item has the members part, epoch, commitment, content_key and ciphertext`);
  }
  const secret = fromBase64(item.content_key);
  if (secret.length !== 32) throw new Refused(t`a content key has 32 bytes`);
  return { epoch: item.epoch, secret, ciphertext: fromBase64(item.ciphertext) };
}

/* Every disclosed item opens to what its entry commits to and is the item that lies sealed. */
async function checkDisclosed(archive, run, history, origin) {
  const faults = new Faults("disclosed"),
    opened = new Map();
  for (const name of archive.names.filter((each) => each.startsWith("disclosed/"))) {
    const call = Number(name.slice("disclosed/".length, -".json".length));
    let disclosure;
    try {
      disclosure = readDisclosure(await archive.read(name));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      faults.add(name, error.said);
      continue;
    }
    if (disclosure.index !== call || !run.permits.has(call)) {
      faults.add(name, t`it is of call ${disclosure.index}; expected call ${call}, which this run made`);
      continue;
    }
    opened.set(call, await checkDisclosure(name, disclosure, history, origin, faults));
    for (const [part, item] of disclosure.items) {
      const sealed = `sealed/${call}-${part}.json`;
      if (archive.has(sealed) && !(await liesSealed(archive, sealed, item.ciphertext))) {
        faults.add(sealed, t`it is not the item that disclosed/${call}.json opens`);
      }
    }
  }
  if (!opened.size) return { result: faults.fact(t`no item is opened in this bundle`, null), opened };
  const shown = [...opened.values()].reduce((sum, parts) => sum + parts.size, 0),
    all = expectedItems(run).length;
  const said = t`${shown} of ${all} items opened, each what its entry commits to and what lies sealed`;
  return { result: faults.fact(said), opened };
}

/* The parts of a call that open to what the ledger commits to. */
async function checkDisclosure(name, disclosure, history, origin, faults) {
  const shown = new Map(),
    { index, ledger, items } = disclosure;
  const wrong = (what, said) => faults.add(name, t`${what}: ${said}`);
  if (ledger !== origin) wrong("ledger", t`the disclosure is of ${ledger}, this is ${origin}`);
  const permit = history.find(([at, record]) => at === index && record.kind === "call.permitted");
  const settled = history.find(([, record]) => record.kind === "call.settled" && record.permit === index);
  const committed = [["request", permit[1].request]];
  if (settled !== undefined && settled[1].answer) committed.push(["answer", settled[1].answer]);
  else if (items.has("answer")) wrong("answer", t`the ledger commits to no answer of this call`);
  for (const [part, commitment] of committed) {
    const item = items.get(part);
    if (item === undefined) continue;
    const bound = utf8(`comity sealed/1\n${ledger}\n${part}\n${item.epoch}\n`);
    const plain = await openGcm(item.secret, item.ciphertext, bound);
    if (plain === null) {
      wrong(part, t`the ciphertext does not open under the key beside it`);
    } else if (plain.length < 32 || (await hmacHex(plain.slice(0, 32), plain.slice(32))) !== commitment) {
      wrong(part, t`what is shown is not what the entry commits to`);
    } else {
      shown.set(part, plain.slice(32));
    }
  }
  return shown;
}

async function liesSealed(archive, name, ciphertext) {
  try {
    return equalBytes(fromBase64(asObject(parseJson(await archive.read(name), true)).ciphertext), ciphertext);
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}
