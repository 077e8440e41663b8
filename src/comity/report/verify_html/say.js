/* Sentences: what a verdict says, kept apart from the language in which it is read.

   t`entry ${5} differs` keeps the English sentence as its own name, "entry {} differs", and its parts beside it.  English
   is read as it stands; another language looks the name up in its table.  So a fact is found once and can be read in
   each language, and what it says in English is, letter for letter, what `comity verify` says.

   A sentence is never HTML: it reaches the page as text (see draw.js). */

const SENTENCES = { fr: { __proto__: null, ...FRENCH_FORMS, ...FRENCH_FACTS } };

function t(strings, ...parts) {
  return { id: strings.join("{}"), parts };
}

/* `1 entry`, `2 entries`. */
function counted(number, one, many = `${one}s`) {
  return { id: `{} ${number === 1 ? one : many}`, parts: [number], noun: one };
}

function joined(parts, between) {
  return { parts, between };
}

/* The text of a sentence in a language. */
function spoken(said, language = "en") {
  if (said === null || said === undefined) return "";
  if (typeof said !== "object") return language === "fr" && said in FRENCH_TERMS ? FRENCH_TERMS[said] : String(said);
  const parts = said.parts.map((part) => spoken(part, language));
  if (said.between !== undefined) return parts.join(spoken(said.between, language));
  let pattern = said.id;
  if (language !== "en") {
    if (said.noun !== undefined && said.noun in FRENCH_NOUNS) {
      pattern = `{} ${FRENCH_NOUNS[said.noun][said.parts[0] < 2 ? 0 : 1]}`;
    } else if (said.id in SENTENCES[language]) {
      pattern = SENTENCES[language][said.id];
    }
  }
  let place = 0;
  return pattern.replace(/\{([0-9]*)\}/g, (_, number) => parts[number === "" ? place++ : Number(number)]);
}

/* The first `most` characters. */
function cut(text, most) {
  const whole = told(text);
  return whole.length <= most ? whole : [...whole.slice(0, 2 * most)].slice(0, most).join("");
}

/* A text in quotes, with what cannot be seen spelled out. */
function quoted(value, most = Infinity) {
  if (typeof value !== "string") return cut(told(value), most);
  const mark = value.includes("'") && !value.includes('"') ? '"' : "'";
  let out = mark;
  for (const c of value.length > 4096 ? value.slice(0, 4096) : value) {
    const code = c.codePointAt(0);
    if (c === mark || c === "\\") out += `\\${c}`;
    else if (c === "\n") out += "\\n";
    else if (c === "\r") out += "\\r";
    else if (c === "\t") out += "\\t";
    else if (code < 32 || (code >= 127 && code < 161)) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code >= 0xd800 && code <= 0xdfff) out += `\\u${code.toString(16)}`;
    else out += c;
  }
  return cut(out + mark, most);
}

/* A value as `comity verify` writes it. */
function told(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return value;
  if (Array.isArray(value))
    return `[${value
      .slice(0, 64)
      .map((each) => quoted(each))
      .join(", ")}]`;
  if (typeof value === "object") {
    const members = Object.keys(value)
      .slice(0, 64)
      .map((name) => `${quoted(name)}: ${quoted(value[name])}`);
    return `{${members.join(", ")}}`;
  }
  return String(value);
}

/* What a reader raises for bytes that keep no form: a sentence, and the line where there is one. */
class Refused extends Error {
  constructor(said, line = null) {
    super(spoken(said));
    this.said = said;
    this.line = line;
  }
}

/* A fault of a bundle's file: what cannot be read safely. */
class BadBundle extends Refused {
  constructor(member, said) {
    super(said);
    this.member = member;
  }
}
