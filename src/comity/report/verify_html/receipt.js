/* Receipts: the proof that one entry is in a ledger (c2sp.org/tlog-proof). */

const MAX_PROOF = 63;

function parseReceipt(data) {
  const text = new TextDecoder("latin1").decode(data),
    split = text.indexOf("\n\n");
  if (split < 0) throw new Refused(t`no empty line between the proof and the checkpoint`);
  const lines = text.slice(0, split).split("\n");
  if (lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Refused(t`'c2sp.org/tlog-proof@v1' is expected`);
  if (lines[0]?.startsWith("extra ")) fromBase64(lines.shift().slice("extra ".length));
  const index = lines.shift() ?? "";
  if (!index.startsWith("index ")) throw new Refused(t`'index <decimal>' is expected`);
  if (lines.length > MAX_PROOF) throw new Refused(t`a proof has at most ${MAX_PROOF} hashes, ${lines.length} came`);
  const proof = lines.map(fromBase64);
  if (proof.some((each) => each.length !== 32)) throw new Refused(t`a hash has 32 bytes`);
  return { index: parseDecimal(index.slice("index ".length)), proof, checkpoint: data.slice(split + 2) };
}

/* The facts about a receipt and the entry that it is about. */
async function checkReceipt(data, bytes, policy) {
  try {
    const { index, proof, checkpoint } = parseReceipt(data);
    const opened = await openCheckpoint(checkpoint, policy),
      { head } = opened,
      leaf = await leafHash(bytes);
    if (hex(await rootFrom(proof, index, head.size, leaf)) !== head.root) {
      throw new Refused(t`the proof leads from entry ${index} to another root than that of size ${head.size}`);
    }
    const signed = signatureFacts(opened, policy);
    const said = t`this entry is entry ${index} of ${head.size} in ${head.origin}, leaf ${hex(leaf)}`;
    return [fact("receipt", signed[0].holds, said), ...signed];
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const because = t`not established, because the receipt does not hold`;
    return [fact("receipt", false, error.said, "receipt"), ...unestablished(SIGNATURE_FACTS, because)];
  }
}
