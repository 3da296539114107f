// Messages as the kernel has read them: a tree of strings and [name, attributes, children]. By the allow-lists here it
// becomes text nodes and elements, whatever has come; nothing is read as HTML, and nothing is fetched.

const MATHML = "http://www.w3.org/1998/Math/MathML";
const MAX_LEVELS = 80;
const PLAIN_ELEMENTS = new Set(["blockquote", "ul", "thead", "tbody", "tr", "hr", "br", "em", "strong", "s"]);
const DIRECTED_ELEMENTS = new Set(["h4", "h5", "h6", "li", "code"]);
const MATH_ELEMENTS = new Set(
  (
    "mrow mi mn mo mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd mstyle " +
    "mpadded mphantom menclose"
  ).split(" "),
);
const MATH_ATTRIBUTES = new Set(
  (
    "accent columnalign depth displaystyle fence form height largeop linethickness lspace mathvariant maxsize minsize " +
    "movablelimits notation rspace scriptlevel separator stretchy voffset width"
  ).split(" "),
);
const MATH_VALUE = /^(?:[a-z][a-z -]{0,60}|[+-]?(?:\d(?:\.\d{1,4})?|\.\d{1,4})(?:em|ex|px|pt)?)$/;
const CODE_KINDS = new Set(
  "comment string number keyword operator definition builtin deleted inserted".split(" "),
);
const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
const RESOURCE = /^academics:\/\/([0-9A-Za-z]{6,128})$/;

const MAKERS = {
  p: (attributes, children) =>
    h("p", { dir: "auto", class: attributes.kind === "formula" ? "academics-formula" : false }, ...children),
  ol: (attributes, children) => h("ol", { start: /^\d{1,9}$/.test(attributes.start) && attributes.start }, ...children),
  table: (_attributes, children) =>
    h(
      "div",
      { class: "academics-table", role: "group", tabindex: 0, "aria-label": trans.__("Table") },
      h("table", {}, ...children),
    ),
  th: (attributes, children) => cellOf("th", attributes, children),
  td: (attributes, children) => cellOf("td", attributes, children),
  pre: (attributes, children) => codeOf(String(attributes.language ?? ""), children),
  span: ({ kind }, children) => h("span", { class: CODE_KINDS.has(kind) && `academics-code-${kind}` }, ...children),
  a: linkOf,
  math: (attributes, children) => {
    const node = document.createElementNS(MATHML, "math");
    put(node, "display", attributes.display === "block" ? "block" : "inline");
    put(node, "alttext", plain(String(attributes.alttext ?? "")));
    node.append(...children);
    return node;
  },
};

/** Draw a message's body; without one, its text as it was written. */
function drawBody(node, text, body) {
  if (node.academicsText === text && node.academicsBody === body) return;
  node.academicsText = text;
  node.academicsBody = body;
  node.replaceChildren(...(body ?? [text]).map((each) => (typeof each === "string" ? writtenOf(each) : nodeOf(each))));
}

function writtenOf(text) {
  return h("p", { class: "academics-written", dir: "auto" }, unstacked(text));
}

/** A text that can be laid out soon: thousands of accents on one letter take seconds. */
function unstacked(text) {
  return plain(text).replace(/\p{M}{16}/gu, "$&\u25cc");
}

function nodeOf(node, level = 0) {
  if (typeof node === "string") return document.createTextNode(unstacked(node));
  const [name, attributes, within] = node;
  const children = level < MAX_LEVELS ? within.map((child) => nodeOf(child, level + 1)) : [];
  if (Object.hasOwn(MAKERS, name)) return MAKERS[name](attributes, children);
  if (MATH_ELEMENTS.has(name)) return mathOf(name, attributes, children);
  if (DIRECTED_ELEMENTS.has(name)) return h(name, { dir: "auto" }, ...children);
  return h(PLAIN_ELEMENTS.has(name) ? name : "span", {}, ...children);
}

function mathOf(name, attributes, children) {
  const node = document.createElementNS(MATHML, name);
  for (const [each, value] of Object.entries(attributes))
    if (MATH_ATTRIBUTES.has(each) && MATH_VALUE.test(value)) put(node, each, value);
  node.append(...children);
  return node;
}

function cellOf(name, { align }, children) {
  const side = ["left", "center", "right"].includes(align) && align;
  return h(name, { dir: "auto", "data-align": side, scope: name === "th" && "col" }, ...children);
}

/** Code, with a button that copies what is seen. Longer lines can be scrolled, by keyboard too. */
function codeOf(language, children) {
  const code = h("code", {}, ...children);
  const about = language ? trans.__("Code, %1", plain(language)) : trans.__("Code");
  return h(
    "div",
    { class: "academics-code" },
    h(
      "div",
      { class: "academics-code-top" },
      h("span", { class: "academics-faint" }, plain(language)),
      copyButton(code.textContent, trans.__("Copy this code")),
    ),
    h("pre", { dir: "ltr", role: "group", tabindex: 0, "aria-label": about }, code),
  );
}

/** A link that leads out of the page and says where to; one to a resource waits for those who know what it is. */
function linkOf({ href, title }, children) {
  const about = { dir: "auto", title: plain(String(title ?? href)) };
  const resource = RESOURCE.exec(href)?.[1];
  if (resource) return h("span", { ...about, class: "academics-resource-link", "data-resource": resource }, ...children);
  if (!URL.canParse(href) || !PROTOCOLS.has(new URL(href).protocol)) return h("span", about, ...children);
  return h("a", { ...about, href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}
