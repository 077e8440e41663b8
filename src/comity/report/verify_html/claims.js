/* The page of a report: every number that it claims is the one that the record gives, and none is left out.

   The text of report.html is read tag by tag, as `comity verify` reads it, and more strictly; then the browser's own
   parser says which claims it sees, and both must be the same.  The page is never shown, and nothing in it runs. */

const DECIMALS = ["point", "low", "high", "worst_low", "worst_high", "level", "threshold"];
const VOID = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));
const RAW = new Set(["script", "style", "title", "textarea"]);
const REFERENCES = { __proto__: null, amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };

function unescaped(text) {
  return text.replace(
    /&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]*));?/g,
    (_, decimal, hexadecimal, name) => {
      if (name !== undefined) {
        if (!(name in REFERENCES)) throw new Refused(t`a character reference that is not read here: ${cut(name, 20)}`);
        return REFERENCES[name];
      }
      const code = decimal !== undefined ? Number(decimal) : parseInt(hexadecimal, 16);
      if (code < 32 || code > 0x10ffff || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000)) {
        throw new Refused(t`a character reference that names no character`);
      }
      return String.fromCodePoint(code);
    },
  );
}

/* The claims of a page, as [path, form, value, text], and what is wrong with how they stand. */
function readClaims(text) {
  const found = [],
    broken = [],
    looks = [];
  const tag =
    /<!-{2}[\s\S]*?-{2}>|<![^>]*>|<\?[^>]*>|<\/([a-zA-Z][^\s/>]*)[^>]*>|<([a-zA-Z][^\s/>]*)((?:\s+[^\s=>/"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)\s*(\/?)>|</g;
  let open = null,
    words = "",
    at = 0;
  for (let match = tag.exec(text); match !== null; match = tag.exec(text)) {
    const [whole, ends, begins, attributes] = match;
    if (open !== null) words += unescaped(text.slice(at, match.index));
    at = tag.lastIndex;
    if (whole === "<") throw new Refused(t`a mark of HTML that is not read here, at character ${match.index}`);
    if (ends !== undefined) {
      if (ends.toLowerCase() === "data" && open !== null) {
        found.push([...open, words]);
        open = null;
      }
      continue;
    }
    if (begins === undefined) continue;
    const name = begins.toLowerCase(),
      named = readAttributes(name, attributes, broken);
    const claims = (named.class ?? "").split(/\s+/).includes("claim") || "data-claim" in named;
    if (open !== null && !VOID.has(name)) broken.push(t`the claim ${quoted(open[0], 80)} has another element in it`);
    if (claims && name !== "data") broken.push(t`a claim stands in <${cut(name, 20)}>; it stands in <data>`);
    else if (claims && open === null) {
      open = [named["data-claim"] ?? "", named["data-form"] ?? "", named.value ?? ""];
      words = "";
    }
    if (RAW.has(name)) {
      const end = new RegExp(`</${name}[\\s/>]`, "gi");
      end.lastIndex = at;
      const closing = end.exec(text);
      if (closing === null) throw new Refused(t`an element <${name}> without an end`);
      if (name === "style") looks.push([match.index, text.indexOf(">", closing.index) + 1]);
      tag.lastIndex = at = closing.index;
    }
  }
  return { found, broken, looks };
}

function readAttributes(name, text, broken) {
  const named = Object.create(null);
  const attribute = /([^\s=>/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g;
  for (const [, key, double, single, bare] of text.matchAll(attribute)) {
    if (key.toLowerCase() in named) broken.push(t`an element <${cut(name, 20)}> has an attribute twice`);
    named[key.toLowerCase()] = unescaped(double ?? single ?? bare ?? "");
  }
  return named;
}

/* The claims as the browser's parser sees them; a parsed document runs nothing and loads nothing.  Its styles
   are left out, because the policy of this page would complain of them. */
function seenClaims(text, looks) {
  let plain = "",
    at = 0;
  for (const [begin, end] of looks) {
    plain += text.slice(at, begin);
    at = end;
  }
  const parsed = new DOMParser().parseFromString(inert(plain + text.slice(at)), "text/html");
  return [...parsed.querySelectorAll(".claim, [data-claim]")].map((each) => [
    each.getAttribute("data-claim") ?? "",
    each.getAttribute("data-form") ?? "",
    each.getAttribute("value") ?? "",
    each.textContent,
  ]);
}

/* Every claim says what the report says, and every number of the report is claimed. */
function checkPage(page, report) {
  const faults = new Faults("page"),
    where = "report.html";
  let found;
  try {
    const text = fromUtf8(page),
      { found: read, broken, looks } = readClaims(text);
    found = read;
    for (const said of broken) faults.add(where, said);
    if (JSON.stringify(found) !== JSON.stringify(seenClaims(text, looks)) && !broken.length) {
      faults.add(where, t`a browser reads other claims in the page than stand in its text`);
    }
  } catch (error) {
    const because = error instanceof Refused ? error.said : t`it is not UTF-8`;
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    faults.add(where, t`the page cannot be read: ${because}`);
    return faults.fact("");
  }
  const values = new Map(leaves(report, ""));
  for (const [path, form, value, text] of new Map(found.map((each) => [JSON.stringify(each), each])).values()) {
    if (!values.has(path)) {
      faults.add(where, t`it claims ${quoted(cut(path, 80))}, which is no member of the report`);
      continue;
    }
    const gives = String(values.get(path)),
      shown = text.trim();
    if (value !== gives) {
      faults.add(where, t`${path} says ${cut(value, 64)}, the record gives ${gives}`);
    } else if (!readings(path, values.get(path), form, report).includes(shown)) {
      faults.add(where, t`${path} reads ${quoted(cut(shown, 64))}, the record gives ${gives}`);
    }
  }
  const claimed = new Set(found.map(([path]) => path));
  const numbers = [...values.keys()].filter((path) => isNumber(path, values.get(path)));
  for (const path of numbers) {
    if (!claimed.has(path) && !followsFrom(path, values, claimed)) {
      faults.add(where, t`${path} is not stated, the record gives ${values.get(path)}`);
    }
  }
  return faults.fact(
    t`${found.length} claims say what the record gives; of ${numbers.length} numbers none is left out`,
  );
}

/* Every integer and text below a value, with its path. */
function leaves(value, path) {
  const below = (name) => (path === "" ? name : `${path}.${name}`);
  if (Array.isArray(value)) return value.flatMap((each, place) => leaves(each, below(String(place))));
  if (isObject(value)) return Object.keys(value).flatMap((name) => leaves(value[name], below(name)));
  return ["string", "number", "bigint"].includes(typeof value) ? [[path, value]] : [];
}

function isNumber(path, leaf) {
  return (
    typeof leaf !== "string" ||
    (/^(estimates|labels|planned)\./.test(path) && DECIMALS.includes(path.split(".").at(-1)))
  );
}

/* What may be read where a leaf is claimed; by its form, or by any that is meant for it where none is named. */
function readings(path, leaf, form, report) {
  const meant = { __proto__: null, text: String(leaf) };
  if (typeof leaf !== "string") {
    meant.count = thousands(String(leaf));
    const [first, place, ...rest] = path.split(".");
    if (first === "spend" && rest.length === 1 && report.spend[place]?.clause === "budget.cost") {
      meant.money = moneyReading(BigInt(leaf));
    }
    if (path.endsWith("_seconds")) meant.span = spanReading(Number(leaf));
  } else if (isNumber(path, leaf)) {
    meant.percent = percentReading(leaf);
    meant.level = levelReading(leaf);
  }
  if (form) return form in meant ? [meant[form]] : [];
  return Object.values(meant);
}

/* Whether a number needs no claim: an estimate's count that another states, bounds of nothing missing. */
function followsFrom(path, values, claimed) {
  if (!path.startsWith("estimates.")) return false;
  const [, place, name] = path.split("."),
    twin = `estimates.0.${name}`;
  if (name === "worst_low" || name === "worst_high") return values.get(`estimates.${place}.missing`) === 0;
  return ["n", "successes", "missing"].includes(name) && claimed.has(twin) && values.get(twin) === values.get(path);
}

function thousands(digits) {
  return digits.replace(/\B(?=([0-9]{3})+$)/g, ",");
}

/* A decimal times 100 with one place, halves to even. */
function percentReading(decimal) {
  const [whole, fraction] = decimal.split("."),
    millionths = BigInt(whole + fraction.padEnd(6, "0"));
  const tenths = millionths / 1000n,
    rest = millionths % 1000n;
  const rounded = rest > 500n || (rest === 500n && tenths % 2n) ? tenths + 1n : tenths;
  return `${rounded / 10n}.${rounded % 10n}%`;
}

/* A decimal times 100 without zeros at the end. */
function levelReading(decimal) {
  const [whole, fraction = ""] = decimal.split("."),
    digits = fraction.padEnd(2, "0");
  const hundred = String(BigInt(whole + digits.slice(0, 2))),
    rest = digits.slice(2).replace(/0+$/, "");
  return `${hundred}${rest ? `.${rest}` : ""}%`;
}

function moneyReading(nanos) {
  const fraction = String(nanos % NANO)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${thousands(String(nanos / NANO))}.${fraction.padEnd(2, "0")}`;
}

function spanReading(seconds) {
  const minutes = Math.floor(seconds / 60),
    days = minutes >= 1440 ? `${Math.floor(minutes / 1440)} d ` : "";
  return `${days}${Math.floor(minutes / 60) % 24} h ${minutes % 60} min`;
}
