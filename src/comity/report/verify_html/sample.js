/* Samples drawn from a frame: drawn once more, out of the frame, the seed that was told and the scores. */

const CHANCE_SLACK = 1e-11;
const MAX_WORK = 5e8;

/* How the plan's sample is drawn from a frame; null for a simple random sample. */
function designOf(plan) {
  const design = need(plan, "design"),
    sampling = "sampling" in design ? asObject(design.sampling) : {},
    stopping = "stopping" in design ? asObject(design.stopping) : {};
  const kind = sampling.kind ?? "srs",
    items = asCount(need(design, "items"));
  if (kind === "srs") return null;
  if (kind !== "stratified" && kind !== "active") {
    throw new Refused(t`a sample that is ${quoted(kind, 40)}; this release draws stratified, active`);
  }
  const stops = (stopping.rule ?? "fixed") !== "fixed";
  if (stops && kind === "stratified") throw new Refused(t`a stratified sample is asked whole`);
  const { claim } = plan,
    family = claim.multiplicity?.family?.length || 1;
  const doubt = "alpha" in claim ? share(claim.alpha) : 1 - share(need(need(plan, "outputs"), "level"));
  const made = {
    kind,
    items,
    batch: asCount(sampling.batch ?? items),
    mix: share(sampling.uniform_mix ?? "1"),
    least: asCount(stopping.least ?? 0),
    threshold: stops ? share(need(need(claim, "threshold"), "value")) : null,
    level: 1 - doubt / family,
  };
  const { batch, mix, least, level } = made;
  if (kind === "active" && !(batch > 0 && items > 0 && least <= items && mix > 0 && level > 0 && level < 1)) {
    throw new Refused(t`batches of ${batch}, ${least} to ${items} items: no rules of a draw`);
  }
  return made;
}

/* The sample, drawn again: { design, frame, scores, placed, … }; raises Refused. */
async function sampleOf(plan, frameData, seed, scores) {
  const again = (said) => new Refused(t`the sample cannot be drawn again: ${said}`);
  if (frameData === null) throw new Refused(t`the sample is drawn from a frame, and frame.json is not there`);
  if (!seed) throw new Refused(t`the sample's seed is told by no entry, so it cannot be drawn again`);
  const found = await sha256Hex(frameData);
  if (found !== plan.design.sampling.frame) {
    throw new Refused(t`the digest of frame.json is ${found}, which is not what the plan states`);
  }
  try {
    const design = designOf(plan),
      frame = readFrame(frameData);
    if (design.kind === "stratified") {
      return { design, frame, scores, placed: await stratifiedSample(frame, seed, design.items) };
    }
    if (frame.predictor === null) throw new Refused(t`the frame holds no predictor, so nothing can be drawn by it`);
    if (design.items > frame.items.length) {
      throw new Refused(t`${design.items} items of a bank of ${frame.items.length}`);
    }
    const { columns, levels } = frame.predictor;
    if (frame.items.length * Math.ceil(design.items / design.batch) * (1 + columns.length + levels) > MAX_WORK) {
      throw new Refused(t`so many draws of so many items are not drawn again here`);
    }
    return { design, frame, scores, ...(await drawAgain(design, frame, seed, scores)) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw again(error.said);
  }
}

/* The frame is the plan's and leaks nothing; the rows are its draws, in their order. */
async function checkSample(plan, sample, table) {
  const faults = new Faults("sample"),
    { design, frame } = sample;
  await checkFrame(plan, frame, faults);
  const rows = table.rows.filter(({ epoch }) => epoch === 1),
    drawn = new Map(sample.placed.map((one) => [one.item, one])),
    there = new Set(rows.map(({ item }) => item));
  const short = (item) => `${item.slice(0, 16)}…`;
  for (const { item, place } of sample.placed) {
    if (!there.has(item)) faults.add("scores.json", t`no row of ${short(item)}, which is drawn at place ${place}`);
  }
  const latest = new Map(),
    active = design.kind === "active";
  for (const row of rows) {
    const one = drawn.get(row.item);
    if (one === undefined) {
      faults.add("scores.json", t`a row of ${short(row.item)}, which the seed does not draw`);
      continue;
    }
    const chance = row.probability ?? "",
      formed = /^(0\.[0-9]{12}|1\.0{12})$/.test(chance);
    if (row.place !== one.place || !formed || !(Math.abs(Number(chance) - one.probability) <= CHANCE_SLACK)) {
      const states = t`the row of ${short(row.item)} states place ${told(row.place ?? null)} and chance ${quoted(chance, 20)}`;
      faults.add(
        "scores.json",
        t`${states}; the seed gives place ${one.place} and chance ${one.probability.toFixed(12)}`,
      );
    }
    if (active && row.calls.length) {
      const batch = Math.floor(one.place / design.batch);
      latest.set(batch, Math.max(row.calls[0], latest.get(batch) ?? -1));
    }
  }
  for (const row of latest.size ? rows : []) {
    const one = drawn.get(row.item),
      before = one === undefined ? undefined : latest.get(Math.floor(one.place / design.batch) - 1);
    if (row.calls.length && before !== undefined && row.calls[0] < before) {
      const [call] = row.calls;
      faults.add(
        "scores.json",
        t`call ${call} is of a batch that could not be drawn before call ${before} was answered`,
      );
    }
  }
  const how = active ? t`in batches of ${design.batch}` : t`in ${frame.strata.length} strata`;
  const known = t`${counted(frame.history.length, "earlier run")} in its history, none of which leaks`;
  return faults.fact(
    t`${counted(drawn.size, "item")} of ${frame.items.length}, ${how}, drawn again from frame and seed; ${known}`,
  );
}

async function checkFrame(plan, frame, faults) {
  const { sampling } = plan.design,
    { size } = plan.claim.population;
  const add = (said) => faults.add("frame.json", said);
  if (frame.items.length !== size) add(t`${frame.items.length} items; the plan's bank has ${size}`);
  if (sampling.kind === "stratified") {
    const stated = sampling.strata ?? null;
    if (frame.strata.length !== stated) add(t`${frame.strata.length} strata; the plan states ${told(stated)}`);
    if ((sampling.allocation ?? "proportional") === "proportional" && new Set(frame.weights).size > 1) {
      add(t`its strata have weights; the plan states that the allocation is proportional`);
    }
  }
  if (!("history" in plan)) {
    const { length } = frame.history;
    if (length) add(t`it was made of ${counted(length, "earlier run")}; the plan states none`);
    return;
  }
  const history = asObject(plan.history);
  const lines = frame.history.map((past) => `${past.sha256}\n`).sort(byCodePoint);
  const found = await sha256Hex(utf8(lines.join("")));
  if (found !== history.digest) add(t`the digest of its history is ${found}, which is not what the plan states`);
  const leak = leakIn(plan, frame, history);
  if (leak !== null) add(leak);
}

/* Why the frame's history is not what the plan says it is; or null. */
function leakIn(plan, frame, history) {
  const folded = (names) => new Set(asList(names ?? []).map((name) => asText(name).toLowerCase()));
  const organisations = folded(history.organisations_excluded),
    families = folded(history.families_excluded);
  const cutoff = asText(history.cutoff);
  for (const { model, organisation, family, date } of frame.history) {
    if (model.toLowerCase() === plan.target.model.toLowerCase()) {
      return t`its history holds the model itself, ${model}`;
    }
    if (!(date < cutoff)) {
      return t`its history holds ${model} of ${date || "no date"}, which is not before ${cutoff}`;
    }
    if (organisations.has(organisation.toLowerCase())) {
      return t`its history holds ${model} of ${organisation}, which the plan leaves out`;
    }
    if (families.has(family.toLowerCase())) {
      return t`its history holds ${model} of the base ${family}, which the plan leaves out`;
    }
  }
  return null;
}

/* The estimates that the plan asks for; none where nothing was judged. */
function sampleEstimates(sample, methods, level) {
  const { design, frame, scores, placed } = sample;
  for (const method of methods) {
    if (!SAMPLE_METHODS[design.kind].includes(method)) {
      throw new Refused(t`${method} is no interval of a sample that is ${design.kind}`);
    }
  }
  if (!placed.some(({ item }) => (scores.get(item) ?? null) !== null)) return [];
  if (design.kind === "active") {
    if (!sample.draws.some(({ outcome }) => outcome !== null)) {
      throw new Refused(t`n is 0: nothing was judged, so there is no rate to estimate`);
    }
    return methods.map(() => estimateDrawn(sample, frame.items.length, level));
  }
  return methods.map((method) => estimateStrata(method, judgedStrata(frame, placed, scores), level));
}

function decideSample(sample, threshold, level) {
  const { design, frame, scores, placed } = sample;
  if (design.kind === "active") return decideDrawn(sample, frame.items.length, threshold, level);
  return decidePooled(frame, placed, scores, threshold, level);
}
