/* Bytes: hexadecimal, base64 and decimal in their one spelling each, and UTF-8 read strictly. */

const ENCODER = new TextEncoder();

function utf8(text) {
  return ENCODER.encode(text);
}

/* The text of UTF-8 bytes; a byte order mark is a character like another, and wrong bytes are refused. */
function fromUtf8(data) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
}

function isWhole(text) {
  return !/\p{Surrogate}/u.test(text);
}

function hex(data) {
  let out = "";
  for (const byte of data) out += byte.toString(16).padStart(2, "0");
  return out;
}

function fromHex(text) {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new Refused(t`${quoted(text, 48)} is not hexadecimal`);
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function equalBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_VALUE = new Int16Array(128).fill(-1);
for (let i = 0; i < 64; i++) BASE64_VALUE[BASE64.charCodeAt(i)] = i;

/* Standard base64 with padding, refusing every second spelling of the same bytes. */
function fromBase64(text) {
  const wrong = () => new Refused(t`${quoted(cut(text, 45))} is not standard base64 with padding, in its one spelling`);
  if (typeof text !== "string" || text.length % 4) throw wrong();
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  let at = 0,
    held = 0,
    bits = 0;
  for (let i = 0; i < text.length - padding; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? BASE64_VALUE[code] : -1;
    if (value < 0) throw wrong();
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >> bits) & 0xff;
    }
  }
  if (bits && held & ((1 << bits) - 1)) throw wrong();
  return out;
}

function toBase64(data) {
  let out = "";
  for (let i = 0; i < data.length; i += 3) {
    const some = (data[i] << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0);
    const left = data.length - i;
    out += BASE64[some >> 18] + BASE64[(some >> 12) & 63];
    out += left > 1 ? BASE64[(some >> 6) & 63] : "=";
    out += left > 2 ? BASE64[some & 63] : "=";
  }
  return out;
}

const MAX_ENTRIES = 2 ** 31;

/* A number in ASCII digits without a leading zero; more than this page could hold is refused like a wrong one. */
function parseDecimal(text, limit = MAX_ENTRIES) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text))
    throw new Refused(t`${quoted(text, 48)} is not a decimal without leading zeros`);
  if (Number(text) > limit) throw new Refused(t`${text} is larger than ${limit}`);
  return Number(text);
}
