// Finding people, rooms, and what was said: the first two while one types, the last from the kernel a moment later.

const SEARCH_DELAY_MS = 250;
const SHORTEST_SEARCH = 2;

/** `filtered` is called on each change; what is found is given to `answer`. */
function finder(chat, filtered) {
  let timer = 0;
  const input = h("input", {
    type: "search",
    placeholder: trans.__("Find people or messages"),
    "aria-label": trans.__("Find people, rooms and messages"),
    "data-testid": "academics-find",
    oninput: look,
  });
  const heading = h("h4", { class: "academics-heading", hidden: true }, trans.__("Messages"));
  const list = h("ul", { class: "academics-found academics-scroll", "aria-label": trans.__("Messages found"), "data-testid": "academics-found" });
  const said = h("p", { class: "academics-faint", role: "status", hidden: true });
  const node = h("div", { class: "academics-finding" }, heading, said, list);
  const words = () => input.value.trim();
  const searches = () => words().length >= SHORTEST_SEARCH;

  function look() {
    filtered();
    clearTimeout(timer);
    if (searches()) timer = setTimeout(() => chat.ask("search", { words: words() }), SEARCH_DELAY_MS);
    else draw([], 0);
  }
  function answer({ found, rows, missing }) {
    // What answers to other words by now is dropped.
    if (found === words()) draw(rows, missing);
  }
  function draw(rows, missing) {
    put(heading, "hidden", !searches());
    const waiting = missing ? ` ${trans._n("%1 older message is not searched yet.", "%1 older messages are not searched yet.", missing)}` : "";
    say(said, searches() ? `${rows.length ? "" : trans.__("Nothing was said with these words.")}${waiting}`.trim() : "");
    keep(list, rows, (row) => row.message, (row) => makeFound(row, chat), (each, row) => drawFound(each, row, words()));
  }
  return { input, node, words, answer };
}

function makeFound(row, chat) {
  return h("li", {}, button([], () => chat.open(row.conversation, row.message), { class: "academics-person" }));
}

function drawFound(node, row, words) {
  fill(node.firstChild, [row, words], () => [
    h("span", { class: "academics-person-top" }, bdi(row.name, { class: "academics-title" }), h("time", { class: "academics-faint" }, moment(row.at_ms))),
    h("span", { class: "academics-line academics-excerpt" }, bdi(row.author), ": ", ...marked(row.text, words)),
  ]);
}

/** A text with the words in it marked. */
function marked(text, words) {
  const wanted = words.replaceAll('"', " ").split(/\s+/).filter(Boolean);
  if (!wanted.length) return [bdi(unstacked(text))];
  const escaped = wanted.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const pieces = unstacked(text).split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return [h("bdi", { dir: "auto" }, ...pieces.map((piece, place) => (place % 2 ? h("mark", {}, piece) : piece)))];
}
