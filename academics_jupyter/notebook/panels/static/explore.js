// Exploring: the search form, and the list of what it finds. How one row looks is in listing.js.

const KINDS = ["paper", "data", "notebook", "figure", "code", "text", "folder", "other"];
const DEBOUNCE_MS = 250;
const PAGE = 50;

function render({ model, el }) {
  const link = connect(model, el, "explore", draw);
  const view = {
    opened: null,
    asked: null,
    order: [],
    limit: PAGE,
    ask: link.ask,
    state: link.state,
    redraw: () => draw(link.state),
  };
  const form = searchForm(search);
  const notice = h("div", { class: "academics-notice", role: "status", hidden: true });
  const fresh = button("", () => showFresh(), { class: "academics-quiet academics-fresh", hidden: true });
  const list = h("ul", {
    class: "academics-list academics-scroll",
    "aria-label": "Resources",
    "data-testid": "academics-results",
  });
  const empty = h("p", { class: "academics-empty", "data-testid": "academics-no-results", hidden: true });
  const more = button("Show more", () => showMore(), { hidden: true });
  link.body.append(form.node, notice, fresh, list, empty, more);
  say(empty, "Looking at what there is…");
  put(link.body, "aria-busy", "true");

  function search() {
    view.limit = PAGE;
    send();
  }
  function showMore() {
    view.limit += PAGE;
    send();
  }
  function send() {
    put(link.body, "aria-busy", "true");
    link.ask("search", { ...form.values(), limit: view.limit });
  }
  function showFresh() {
    view.order = [];
    list.scrollTop = 0;
    draw(link.state);
  }
  function draw(state) {
    if (!state.rows) return;
    put(link.body, "aria-busy", "false");
    const { rows, waiting } = arranged(state, view, isReading());
    say(notice, state.notice ?? "");
    say(fresh, waiting ? `Show ${waiting} new` : "");
    keep(
      list,
      rows,
      (row) => row.id,
      (row) => makeListing(row, view),
      (node, row) => drawListing(node, row, view),
    );
    put(empty, "hidden", rows.length > 0);
    fill(empty, [state.words, form.values()], () => emptyText(form.values()));
    put(more, "hidden", !state.more);
  }
  /** Somebody who has scrolled, opened a row or points at the list must not see it move. */
  function isReading() {
    return (
      view.opened !== null || list.scrollTop > 0 || list.matches(":hover") || list.contains(document.activeElement)
    );
  }
  return link.disconnect;
}

/** The rows in the order to show them: while somebody reads, those shown keep their place and new ones wait. */
function arranged(state, view, reading) {
  const found = new Map(state.rows.map((row) => [row.id, row]));
  const other = view.asked !== state.asked || !view.order.length || !reading;
  view.asked = state.asked;
  if (other) view.order = [...found.keys()];
  else view.order = view.order.filter((id) => found.has(id));
  if (!found.has(view.opened)) view.opened = null;
  return { rows: view.order.map((id) => found.get(id)), waiting: found.size - view.order.length };
}

function searchForm(search) {
  let timer = null;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(search, DEBOUNCE_MS);
  };
  const words = h("input", {
    type: "search",
    class: "academics-search",
    placeholder: "Search titles, authors, keywords",
    "aria-label": "Search the network",
    "data-testid": "academics-search",
    oninput: soon,
  });
  const available = h("input", { type: "checkbox", onchange: search, "data-testid": "academics-available" });
  const kind = h(
    "select",
    { "aria-label": "Kind", onchange: search, "data-testid": "academics-kind" },
    h("option", { value: "" }, "every kind"),
    ...KINDS.map((each) => h("option", { value: each }, each)),
  );
  const filters = h(
    "span",
    { class: "academics-filters" },
    kind,
    h("label", { class: "academics-check" }, available, "available only"),
  );
  const now = () => {
    clearTimeout(timer);
    search();
  };
  const node = submittable({ class: "academics-searching", role: "search" }, now, words, filters);
  return { node, values: () => ({ words: words.value, available: available.checked, kind: kind.value }) };
}

function emptyText({ words, available, kind }) {
  if (words.trim() || kind)
    return [`Nothing found. Try fewer words${available ? ", or what is not available now" : ""}.`];
  if (available) return ["Nobody who shares something is online now. Untick “available only” to see what there is."];
  return ["Nobody shares anything yet. Be the first: choose a file under Share."];
}

export default { render };
