/* The page's own acts: taking files, checking them, showing what came of it, and changing the language in place. */

const page = { files: [], found: null, language: "en", turn: 0 };
const part = (id) => document.getElementById(id);

/* What a file is taken for, by its content. */
async function takeFor(file) {
  const head = new TextDecoder().decode(await slice(file, 0, 4096)),
    is = { file, kind: "isOther", note: "" };
  if (head.startsWith("PK") || file.name.toLowerCase().endsWith(".zip")) is.kind = "isBundle";
  else if (head.startsWith("c2sp.org/tlog-proof@")) is.kind = "isReceipt";
  else if (/^\s*<(!doctype|html)/i.test(head)) is.kind = "isPage";
  else if (file.size <= MAX_NOTE && /\n\n— /.test(head)) is.kind = "isCheckpoint";
  else if (file.size <= MAX_OFFER && head.startsWith("{") && head.includes('"comity offer/1"')) {
    is.kind = "isTerms";
    try {
      is.terms = await readOffer(await slice(file, 0, file.size));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      is.kind = "isNoTerms";
      is.note = error.said;
    }
  }
  return is;
}

/* New files take the place of earlier ones of their kind. */
async function take(files) {
  let taken;
  try {
    taken = await Promise.all([...files].slice(0, 32).map(takeFor));
  } catch (error) {
    page.found = { broke: String(error) }; // a folder, or a file that is gone
    showResult();
    return;
  }
  const kinds = new Set(taken.map(({ kind }) => kind));
  if (kinds.has("isTerms")) kinds.add("isNoTerms");
  page.files = [...page.files.filter(({ kind }) => !kinds.has(kind)), ...taken].slice(-32);
  await check();
}

function given() {
  return page.files.find(({ kind }) => kind === "isTerms")?.terms ?? null;
}

async function check() {
  const turn = ++page.turn;
  page.found = null;
  showResult();
  const subject = ["isBundle", "isReceipt", "isCheckpoint"].flatMap((kind) =>
    page.files.filter((each) => each.kind === kind),
  )[0];
  if (subject === undefined) {
    if (page.files.length) page.found = { needs: "whichBundle" };
    showResult();
    return;
  }
  part("result").setAttribute("aria-busy", "true");
  let last = 0;
  const progress = async (stage, share) => {
    const now = performance.now();
    if (now - last < 40) return;
    last = now;
    if (turn === page.turn) showProgress(stage, share);
    await new Promise((resume) => setTimeout(resume));
    if (turn !== page.turn) throw new Superseded();
  };
  try {
    showProgress("manifest", 0);
    const found = await verdictOn(subject, progress);
    if (turn === page.turn) page.found = found;
  } catch (error) {
    if (error instanceof Superseded) return;
    page.found = { broke: String(error) };
  }
  if (turn !== page.turn) return;
  part("progress").hidden = true;
  part("result").removeAttribute("aria-busy");
  showResult();
}

class Superseded extends Error {}

async function verdictOn({ file, kind }, progress) {
  if (kind !== "isBundle") return verdictOnNote(file, kind);
  const source = await sourceOf(file),
    found = await verifyBundle(source, given(), progress);
  found.subject = `bundle ${file.name}`;
  if (source.whole !== null) found.bundleDigest = await sha256Hex(source.whole);
  for (const each of page.files.filter((other) => other.kind === "isPage" && other.file.size <= SIZES["report.html"])) {
    each.same = (await sha256Hex(await slice(each.file, 0, each.file.size))) === found.seen.pageDigest;
    if (each.same) found.seen.samePage = true;
  }
  found.json = verdictJson(found);
  return found;
}

/* A checkpoint or a receipt, against the keys in the terms. */
async function verdictOnNote(file, kind) {
  const terms = given();
  if (terms === null) return { needs: "whichKeys" };
  const data = await slice(file, 0, Math.min(file.size, 4 * MIB));
  const facts = [keysFact(terms)];
  if (kind === "isCheckpoint") {
    facts.push(...(await checkCheckpoint(data, terms.policy)).facts);
  } else {
    const other = page.files.find((each) => each.kind === "isOther" && each.file.size <= MAX_ENTRY);
    if (other === undefined) return { needs: "whichEntry" };
    facts.push(...(await checkReceipt(data, await slice(other.file, 0, other.file.size), terms.policy)));
  }
  const found = {
    subject: kind === "isReceipt" ? "receipt" : "checkpoint",
    facts,
    seen: {},
    stands: facts.every(({ holds }) => holds !== false),
  };
  found.json = verdictJson(found);
  return found;
}

/* As `comity verify --json` prints it. */
function verdictJson({ subject, stands, facts, reached, rungs }) {
  const members = ({ name, holds, detail, where }) => ({ name, holds, detail: spoken(detail), where: spoken(where) });
  const whole = { format: "comity verdict/1", subject, stands, facts: facts.map(members) };
  if (rungs !== undefined) Object.assign(whole, { rung: Math.max(0, ...reached), reached, rungs: rungs.map(members) });
  return JSON.stringify(whole, null, 1);
}

function showProgress(stage, share) {
  part("progress").hidden = false;
  part("share").value = share;
  const name = word(`stage${stage[0].toUpperCase()}${stage.slice(1)}`, page.language);
  part("stage").textContent = `${word("working", page.language)}: ${name}`;
}

function showTaken() {
  const { language } = page;
  part("taken").replaceChildren(
    ...page.files.map((each) => {
      const { file, kind } = each;
      let is = kind === "isOther" && page.found?.subject === "receipt" ? "isEntry" : kind;
      if (kind === "isPage" && each.same !== undefined) is = each.same ? "samePage" : "otherPage";
      const remove = element(
        "button",
        { type: "button", "aria-label": word("remove", language, visible(file.name)) },
        word("removeShort", language),
      );
      remove.addEventListener("click", () => {
        page.files = page.files.filter((other) => other !== each);
        part("files").focus();
        check();
      });
      return element(
        "li",
        {},
        element("code", {}, foreign(file.name)),
        element("span", {}, word("bytes", language, numberWord(file.size, language))),
        element("span", { class: "is" }, word(is, language, visible(spoken(each.note, language)))),
        remove,
      );
    }),
  );
}

/* Shows the result anew, in the language of the page, with what was folded open still open. */
function showResult() {
  const { found, language } = page,
    result = part("result"),
    status = part("status");
  const open = new Set([...result.querySelectorAll("details[open]")].map(({ id }) => id));
  const known = new Set([...result.querySelectorAll("details")].map(({ id }) => id));
  showTaken();
  status.replaceChildren();
  result.replaceChildren();
  if (found === null) return;
  if (found.broke !== undefined || found.needs !== undefined) {
    const said =
      found.needs !== undefined ? word(found.needs, language) : word("broke", language, visible(found.broke));
    status.append(element("p", { class: "caution" }, said));
    return;
  }
  status.append(verdictBox(found, language));
  const sections = found.rungs === undefined ? [factsSection(found, language)] : bundleSections(found, language);
  result.append(...sections.filter((each) => each instanceof Node));
  for (const each of result.querySelectorAll("details")) if (known.has(each.id)) each.open = open.has(each.id);
  part("copy")?.addEventListener("click", copySentence);
}

async function copySentence() {
  const text = [...part("sentence").children].map((each) => each.textContent).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    part("copied").textContent = word("copied", page.language);
  } catch {
    getSelection().selectAllChildren(part("sentence"));
    part("copied").textContent = word("notCopied", page.language);
  }
}

/* The same place, the other language: what is open stays open, what has the focus keeps it, and nothing jumps. */
function speak(language) {
  const place = placeOnScreen();
  page.language = language;
  document.documentElement.lang = language;
  document.title = word("title", language);
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word, language);
  for (const each of document.querySelectorAll("[data-language]")) {
    each.setAttribute("aria-pressed", String(each.dataset.language === language));
  }
  showResult();
  place();
}

/* Keeps what is at the top of the window there, although texts grow. */
function placeOnScreen() {
  const marks = () => [...document.querySelectorAll("h1, h2, details, .rungs > li, tr")];
  const before = marks(),
    at = before.findIndex((each) => each.getBoundingClientRect().bottom > 0);
  const top = at < 0 ? 0 : before[at].getBoundingClientRect().top;
  return () => {
    const after = marks()[at];
    if (after !== undefined && scrollY > 0) scrollBy(0, after.getBoundingClientRect().top - top);
  };
}

async function begin() {
  speak(navigator.language?.startsWith("fr") ? "fr" : "en");
  for (const each of document.querySelectorAll("[data-language]")) {
    each.addEventListener("click", () => speak(each.dataset.language));
  }
  const because = await whyNothingCanBeChecked();
  if (because !== null) {
    part("status").append(
      element("p", { class: "caution" }, word("cannot", page.language), ". ", spoken(because, page.language)),
    );
    part("files").disabled = true;
    return;
  }
  part("files").addEventListener("change", (event) => {
    take(event.target.files).finally(() => (event.target.value = ""));
  });
  const over = (event) => {
    event.preventDefault();
    part("drop").classList.toggle("over", event.type === "dragover");
  };
  for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, over);
  document.addEventListener("drop", (event) => take(event.dataTransfer.files));
  part("drop").addEventListener("submit", (event) => event.preventDefault());
  document.documentElement.dataset.ready = "true";
}

begin();
