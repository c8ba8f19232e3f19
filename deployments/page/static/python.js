// Colours for Python source: enough of the language's tokens to read it well, and no more.

const KEYWORDS = new Set(("and as assert async await break case class continue def del elif else except finally for "
  + "from global if import in is lambda match nonlocal not or pass raise return try while with yield").split(" "));
const CONSTANTS = new Set(["True", "False", "None", "self", "cls"]);

const END = /(?![^])/.source;
const PREFIX = /(?:\b[rbfu]{1,2}(?=["']))?/.source;
const LONG = ['"""', "'''"].map((quotes) => `${quotes}[^]*?(?:${quotes}|${END})`);
const SHORT = ['"', "'"].map((quote) => `${quote}(?:\\\\.|[^${quote}\\\\\\n])*${quote}?`);
const TOKEN = new RegExp([
  /(?<comment>#[^\n]*)/.source,
  `(?<string>${PREFIX}(?:${[...LONG, ...SHORT].join("|")}))`,
  /(?<number>\b(?:0[xob][\da-f_]+|\d[\d_]*(?:\.[\d_]*)?(?:e[+-]?\d+)?j?)\b)/.source,
  /(?<decorator>@[\w.]+)/.source,
  /(?<name>[\p{L}_][\p{L}\p{N}_]*)/.source,
].join("|"), "giu");

/** Yields `[kind, text]` for the whole source in order; `plain` between the tokens. */
export function* tokens(source) {
  let at = 0;
  let before = "";
  for (const found of source.matchAll(TOKEN)) {
    const text = found[0];
    if (found.index > at) yield ["plain", source.slice(at, found.index)];
    const [kind] = Object.entries(found.groups).find(([, part]) => part !== undefined);
    yield [kind === "name" ? nameKind(text, before) : kind, text];
    before = text;
    at = found.index + text.length;
  }
  if (at < source.length) yield ["plain", source.slice(at)];
}

function nameKind(text, before) {
  if (before === "def" || before === "class") return "definition";
  if (KEYWORDS.has(text)) return "keyword";
  return CONSTANTS.has(text) ? "number" : "plain";
}
