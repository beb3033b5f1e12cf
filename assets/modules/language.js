// The page's language. Its text is written in English; in another language every text that enters the page is looked up there and
// then in a catalogue whose keys are the English sentences: {0} stands for a value, <0>…</0> for words with markup of their own.
// So the server speaks English only, and visitors with different languages share its answers.

/** @typedef {Record<string, string>} Catalogue */
/** @typedef {{test: RegExp, into: string}} Pattern a key with values and words with markup, each a group by its number */

/** The languages by the code of the address, each by its own name. */
export const LANGUAGES = { en: "English", zh: "中文" };
/** @typedef {keyof typeof LANGUAGES} Language */

const KEPT = "kdui-language"; // in the browser: for this tab what the address said, for all others what the switch said
const TAGS = { en: "en", zh: "zh-CN" };
const INLINE = new Set(["A", "ABBR", "B", "BUTTON", "CODE", "EM", "I", "KBD", "OUTPUT", "SMALL", "SPAN", "STRONG", "SUB", "SUP", "VAR"]);
const ATTRIBUTES = ["aria-label", "aria-valuetext", "alt", "label", "placeholder", "title"];
const LEFT_ALONE = "code, pre, script, style, textarea, [translate=no], [contenteditable], .js-plotly-plot";
const WORDS = /[A-Za-z]{2}/, MARK = /<(\/?)(\d+)>/, MARKS = /(<\/?\d+>)/;
const SENTENCE = /(?<=[.!?…:;](?:<\/\d+>)?)( )(?=[A-Z0-9“"'<])/; // where the next one begins
const LISTED = /\n- /; // lines of a message
const MOST_KEPT = 5000, DEEPEST = 5; // texts; values within values
const SURE = 4, LONG = 20, FEW = 3; // letters of a key from which on its values may be words, and more than a few of them

/** @param {unknown} name @returns {Language | undefined} */
const known = (name) => (typeof name === "string" && name in LANGUAGES ? /** @type {Language} */ (name) : undefined);

/** The address decides, then the switch, then the browser. */
const chosen = () => {
  const asked = known(new URLSearchParams(location.search).get("lang"));
  if (asked) sessionStorage.setItem(KEPT, asked);
  const preferred = navigator.languages.map((name) => known(name.toLowerCase().split("-")[0])).find(Boolean);
  return asked ?? known(sessionStorage.getItem(KEPT)) ?? known(localStorage.getItem(KEPT)) ?? preferred ?? "en";
};

/** The language of this page: decided once, as it is loaded, so that no view mixes two. */
export const language = chosen();

/** Loads the page anew in the other language. */
export const turn = () => {
  const other = language === "en" ? "zh" : "en", next = new URL(location.href);
  for (const store of [sessionStorage, localStorage]) store.setItem(KEPT, other);
  next.searchParams.set("lang", other);
  location.assign(next);
};

/** The switch names the other language, in that language. */
export const faced = () => {
  const button = document.querySelector("#language-switch"), other = language === "en" ? "zh" : "en";
  if (!(button instanceof HTMLElement)) return;
  Object.assign(button, { lang: TAGS[other], translate: false, textContent: LANGUAGES[other] });
};

/** @returns {Promise<Catalogue>} */
const fetched = async () => {
  const answer = await fetch(new URL(`languages/${language}.json`, import.meta.url));
  return answer.ok ? answer.json() : {};
};
const catalogue = new Map(Object.entries(language === "en" ? {} : await fetched()));

// --- keys with values -------------------------------------------------------------------------------------------------------------

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** @param {string} text */
const letters = (text) => text.replace(/\{\d+\}|<\/?\d+>|[^A-Za-z]/g, "").length;

/** @param {string} key @param {string} into @returns {Pattern} */
const compiled = (key, into) => {
  const values = /** @type {string[]} */ ([]);
  const any = letters(key) < SURE ? "([^A-Za-z]*|\\S+)" : "([\\s\\S]*?)";
  const source = key.split(/(\{\d+\}|<\/?\d+>)/).map((part) => {
    const value = /^\{(\d+)\}$/.exec(part), mark = MARK.exec(part);
    if (value) return values.includes(value[1]) ? any : (values.push(value[1]), `(?<v${value[1]}>${any.slice(1)}`);
    if (!mark) return escaped(part);
    if (mark[1]) return "</\\d+>";
    return `<(?<m${mark[2]}>\\d+)>`;
  });
  return { test: new RegExp(`^${source.join("")}$`), into };
};

/** Keys with values, by the longest word that stands in them. @type {Map<string, {key: string, pattern?: Pattern}[]>} */
const patterns = new Map();
/** @param {string} text */
const wordsOf = (text) => text.split(/[^A-Za-z]+/).filter(Boolean);
for (const key of [...catalogue.keys()].filter((each) => /\{\d+\}|<\d+>/.test(each)).sort((a, b) => letters(b) - letters(a))) {
  const [longest = ""] = wordsOf(key).sort((a, b) => b.length - a.length);
  patterns.set(longest, [...(patterns.get(longest) ?? []), { key }]);
}

/** @param {string} text */
const otherCase = (text) => (text[0] === text[0].toLowerCase() ? text[0].toUpperCase() : text[0].toLowerCase()) + text.slice(1);
/** A text as it stands or within a sentence: whether its first letter is a capital depends on its place. @param {string} text */
const entry = (text) => catalogue.get(text) ?? (text ? catalogue.get(otherCase(text)) : undefined);

/** More than a value has, as a rule: perhaps another sentence around the key's words. @param {string} value */
const isLong = (value) => wordsOf(value).length > FEW || value.includes(" · ");
/** @param {string} value @param {number} depth */
const isKnown = (value, depth) => entry(value) !== undefined || (depth <= DEEPEST && matched(value, depth) !== undefined);

/** @param {string} text @param {number} depth @returns {string | undefined} */
const matched = (text, depth) => {
  const candidates = [...new Set(wordsOf(text))].flatMap((word) => patterns.get(word) ?? []);
  for (const each of candidates.sort((a, b) => letters(b.key) - letters(a.key))) {
    each.pattern ??= compiled(each.key, catalogue.get(each.key) ?? "");
    const groups = each.pattern.test.exec(text)?.groups;
    const short = letters(each.key) < LONG;
    if (!groups || (short && Object.values(groups).some((value) => isLong(value) && !isKnown(value.trim(), depth + 1)))) continue;
    const marked = each.pattern.into.replace(/<(\/?)(\d+)>/g, (_, end, mark) => `<${end}${groups[`m${mark}`] ?? mark}>`);
    return marked.replace(/\{(\d+)\}/g, (_, value) => looked(groups[`v${value}`] ?? "", depth + 1));
  }
  return undefined;
};

/** @type {Map<string, string>} */
const kept = new Map();

/** A text without markup, or with its marks; what the catalogue does not know stays. @param {string} text @param {number} depth @returns {string} */
const looked = (text, depth) => {
  if (LISTED.test(text)) return text.split("\n").map((line) => item(line, depth)).join("\n");
  const words = text.trim().replace(/\s+/g, " ");
  if (!WORDS.test(words) || depth > DEEPEST) return text;
  const around = /** @type {[string, string]} */ ([/^\s*/.exec(text)?.[0] ?? "", /\s*$/.exec(text)?.[0] ?? ""]);
  const found = kept.get(words) ?? entry(words) ?? matched(words, depth) ?? ended(words, depth) ?? inParts(words, depth);
  if (kept.size > MOST_KEPT) kept.clear();
  kept.set(words, found);
  return around[0] + found + around[1];
};

/** A line of a list names a thing and what is said of it; others are texts. @param {string} line @param {number} depth */
const item = (line, depth) => {
  const parts = /^- (.+?): (.+)$/.exec(line);
  return parts ? `- ${looked(parts[1], depth)}：${looked(parts[2], depth)}` : looked(line, depth);
};

/** A title that stands as a sentence. @param {string} words @param {number} depth */
const ended = (words, depth) => {
  const title = words.slice(0, -1), found = words.endsWith(".") ? entry(title) ?? matched(title, depth) : undefined;
  return found === undefined ? undefined : `${found}。`;
};

/** Whether every marked word ends where it begins. @param {string} piece */
const isWhole = (piece) => (piece.match(/<\d+>/g) ?? []).length === (piece.match(/<\/\d+>/g) ?? []).length;

/** Facts in a row, sentences in a paragraph, and words between marks are looked up each. @param {string} words @param {number} depth */
const inParts = (words, depth) => {
  for (const border of [SENTENCE, MARKS, /((?:^| )· )/, /((?:^| )[●◐○⟲✓✗] )/, /(, )/]) {
    const pieces = words.split(border);
    if (pieces.length > 1 && (border !== SENTENCE || pieces.every(isWhole))) return pieces.map((piece) => (MARK.test(piece) ? piece : looked(piece, depth + 1))).join("");
  }
  return words;
};

/** A text of the page in its language; what the catalogue lacks stays English. @param {string} text */
export const translated = (text) => (catalogue.size ? looked(text, 0) : text);

/** A label of Plotly's: lines, with marked words. @param {string} text */
export const translatedLabel = (text) => {
  if (!catalogue.size) return text;
  return text.split(/(<br>|<extra>.*?<\/extra>)/).map((line) => {
    const tags = /** @type {string[]} */ ([]);
    const marked = line.replace(/<(b|i|span)\b[^>]*>|<\/(b|i|span)>/g, (tag, opens) => (opens ? `<${tags.push(tag) - 1}>` : `</${tags.length - 1}>`));
    return looked(marked, 0).replace(/<(\/?)(\d+)>/g, (_, end, mark) => (end ? tags[mark].replace(/^<(\w+).*$/, "</$1>") : tags[mark]));
  }).join("");
};

// --- the page ---------------------------------------------------------------------------------------------------------------------

/** @param {Node} node @returns {node is Element} */
const isInline = (node) => node instanceof Element && INLINE.has(node.tagName) && !node.matches(LEFT_ALONE.replace("code, ", ""));

/** Nodes as one text with marks, and the elements that these stand for. @param {Node[]} nodes @param {Element[]} elements @returns {string} */
const written = (nodes, elements) => nodes.map((node) => {
  if (node instanceof Text) return node.data.replace(/\s+/g, " ");
  if (!(node instanceof Element)) return "";
  const mark = elements.push(node) - 1;
  return `<${mark}>${node.textContent?.trim() ? written([...node.childNodes], elements) : ""}</${mark}>`;
}).join("");

/** The nodes that a text with marks stands for; elements are the ones that were there. @param {string} text @param {Element[]} elements */
const rebuilt = (text, elements) => {
  const root = /** @type {(Node | string)[]} */ ([]), open = [root], owners = /** @type {Element[]} */ ([]);
  for (const part of text.split(MARKS).filter(Boolean)) {
    const mark = MARK.exec(part), element = elements[Number(mark?.[2])];
    if (!mark) open[open.length - 1].push(part);
    else if (!mark[1]) {
      open[open.length - 1].push(element);
      owners.push(element);
      open.push([]);
    } else {
      const owner = owners.pop(), inside = open.pop() ?? [];
      if (inside.length) owner?.replaceChildren(...inside); // an icon keeps its drawing
    }
  }
  return root;
};

/** Siblings that make one text: a sentence with its marked words, or else each of them by itself. @param {ChildNode[]} nodes */
const localiseRun = (nodes) => {
  const outside = nodes.some((node) => node instanceof Text && /[A-Za-z]/.test(node.data));
  const elements = /** @type {Element[]} */ ([]);
  if (outside && nodes.length > 1) {
    const text = written(nodes, elements).trim(), found = entry(text) ?? matched(text, 0);
    if (found !== undefined) {
      const place = document.createComment("");
      nodes[0].before(place);
      nodes.forEach((node) => node.remove());
      place.replaceWith(...rebuilt(found, elements));
      elements.forEach(localiseAttributes);
      return;
    }
  }
  for (const node of nodes) {
    if (node instanceof Element) localise(node);
    else if (node instanceof Text) {
      const found = looked(node.data, 0);
      if (found !== node.data) node.data = found;
    }
  }
};

/** @param {Element} element */
const localiseAttributes = (element) => {
  for (const name of ATTRIBUTES) {
    const value = element.getAttribute(name), found = value === null ? null : looked(value, 0);
    if (found !== null && found !== value) element.setAttribute(name, found);
  }
};

/** Everything below an element, and its own attributes. @param {Element} element */
const localise = (element) => {
  localiseAttributes(element);
  if (element.matches(LEFT_ALONE)) return;
  let run = /** @type {ChildNode[]} */ ([]);
  for (const node of [...element.childNodes]) {
    if (node instanceof Text || isInline(node)) { run.push(node); continue; }
    if (run.length) localiseRun(run);
    run = [];
    if (node instanceof Element) localise(node);
  }
  if (run.length) localiseRun(run);
};

/** The element whose text a change belongs to: a sentence is looked up as a whole. @param {Node} node @returns {Element | null} */
const home = (node) => {
  let element = node instanceof Element ? node : node.parentElement;
  while (element && isInline(element) && element.parentElement) element = element.parentElement;
  return element;
};

/** @param {MutationRecord[]} changes @param {MutationObserver} observer */
const followed = (changes, observer) => {
  const fresh = new Set(/** @type {Element[]} */ ([]));
  for (const { type, target, addedNodes } of changes) {
    if (target.parentElement?.closest(LEFT_ALONE)) continue;
    if (type === "attributes") { if (target instanceof Element) localiseAttributes(target); continue; }
    const whole = type === "characterData" || [...addedNodes].some((node) => node instanceof Text || isInline(node));
    if (whole) { const around = home(target); if (around) fresh.add(around); continue; }
    for (const node of addedNodes) if (node instanceof Element) fresh.add(node);
  }
  for (const element of fresh) if (element.isConnected && !element.closest(LEFT_ALONE)) localise(element);
  observer.takeRecords(); // what was changed here is not looked up again
};

/** Says the page's language, and keeps every text in it from now on. */
export const follow = () => {
  document.documentElement.lang = TAGS[language];
  if (!catalogue.size) return;
  localise(document.body);
  new MutationObserver(followed).observe(document.body,
    { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES });
};
