// What is searched for: words, kind, order, and filters that are out of the way until they are wanted.

const KINDS = ["paper", "data", "notebook", "figure", "code", "text", "folder", "other"];
const ORDERS = {
  best: () => trans.__("best match"),
  newest: () => trans.__("newest"),
  title: () => trans.__("title A–Z"),
  year: () => trans.__("year"),
  size: () => trans.__("largest"),
};
const DEBOUNCE_MS = 250;
const MAX_SUGGESTED = 60;

function searchForm(panel, search) {
  let timer = null;
  let sharer = { id: "", name: "" };
  const now = () => {
    clearTimeout(timer);
    drawState();
    search();
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(now, DEBOUNCE_MS);
  };
  const field = (name, label, more = {}) =>
    h("input", { type: "text", "aria-label": label, placeholder: label, oninput: soon, "data-testid": `academics-${name}`, ...more });
  const words = field("search", trans.__("Search the network"), {
    type: "search",
    class: "academics-search",
    placeholder: trans.__("Search titles, authors, keywords"),
  });
  const list = (name) => h("datalist", { id: `academics-${panel}-${name}` });
  const [authors, keywords] = [list("authors"), list("keywords")];
  const author = field("author", trans.__("Author"), { list: authors.id });
  const keyword = field("keyword", trans.__("Keyword"), { list: keywords.id });
  const year = { inputmode: "numeric", maxlength: 4, class: "academics-year" };
  const from = field("year-from", trans.__("From year"), { ...year, placeholder: trans.__("from") });
  const to = field("year-to", trans.__("To year"), { ...year, placeholder: trans.__("to") });
  const available = h("input", { type: "checkbox", onchange: now, "data-testid": "academics-available" });
  const option = (value, text) => h("option", { value }, text);
  const kind = h(
    "select",
    { "aria-label": trans.__("Kind"), onchange: now, "data-testid": "academics-kind" },
    option("", trans.__("every kind")),
    ...KINDS.map((each) => option(each, each)),
  );
  const order = h(
    "select",
    { "aria-label": trans.__("Order"), onchange: now, "data-testid": "academics-order" },
    ...Object.entries(ORDERS).map(([value, text]) => option(value, text())),
  );
  const box = h(
    "div",
    { class: "academics-more-filters", id: `academics-${panel}-filters`, hidden: true },
    author,
    keyword,
    h("span", { class: "academics-years" }, trans.__("Years"), from, "–", to),
    authors,
    keywords,
  );
  const toggle = button("", () => show(box.hidden), { "aria-controls": box.id, "data-testid": "academics-filters" });
  const chip = h("span", { class: "academics-chip", hidden: true });
  const clear = button(trans.__("Clear filters"), clearAll, { class: "academics-quiet", hidden: true, "data-testid": "academics-clear" });
  const row = h(
    "div",
    { class: "academics-filters" },
    order,
    kind,
    h("label", { class: "academics-check" }, available, trans.__("available only")),
    toggle,
    chip,
    clear,
  );
  const node = submittable({ class: "academics-searching", role: "search" }, now, words, row, box);

  function values() {
    return {
      words: words.value,
      available: available.checked,
      kind: kind.value,
      order: order.value,
      author: author.value.trim(),
      keyword: keyword.value.trim(),
      year_from: from.value.trim(),
      year_to: to.value.trim(),
      sharer: sharer.id,
      sharer_name: sharer.name,
    };
  }
  function show(shown) {
    put(box, "hidden", !shown);
    drawState();
    if (shown) author.focus();
  }
  function drawState() {
    const given = [author, keyword, from, to].filter((each) => each.value.trim()).length;
    put(toggle, "aria-expanded", box.hidden ? "false" : "true");
    const label = given ? trans.__("Filters (%1)", given) : trans.__("Filters");
    if (toggle.textContent !== label) toggle.textContent = label;
    put(chip, "hidden", !sharer.id);
    fill(chip, sharer, () => (sharer.id ? chipOf() : []));
    put(clear, "hidden", !(given || sharer.id || kind.value || available.checked));
    for (const each of [from, to]) put(each, "aria-invalid", /^\d{0,4}$/.test(each.value.trim()) ? false : "true");
  }
  function chipOf() {
    const drop = () => {
      adopt({ sharer: "", sharer_name: "" });
      now();
      words.focus();
    };
    const more = { class: "academics-quiet", "aria-label": trans.__("Not only what %1 shares", plain(sharer.name)) };
    return [...around(trans.__("shared by %1"), bdi(sharer.name)), button("✕", drop, more)];
  }
  function clearAll() {
    adopt({ available: false, kind: "", author: "", keyword: "", year_from: "", year_to: "", sharer: "", sharer_name: "" });
    now();
    words.focus();
  }
  /** Take over what is asked for, as far as it is given. */
  function adopt(query) {
    const fields = { words, kind, order, author, keyword, year_from: from, year_to: to };
    for (const [name, each] of Object.entries(fields)) if (query[name] !== undefined) each.value = query[name];
    if (query.available !== undefined) available.checked = query.available;
    if (query.sharer !== undefined) sharer = { id: query.sharer, name: query.sharer_name ?? "" };
    drawState();
  }
  /** What may be filtered by, as far as it is on the page. */
  function suggest(rows) {
    const some = (lists) => [...new Set(lists.flat())].slice(0, MAX_SUGGESTED);
    for (const [node, of] of [
      [authors, some(rows.map((row) => row.authors))],
      [keywords, some(rows.map((row) => row.keywords))],
    ])
      fill(node, of, () => of.map((each) => h("option", { value: plain(each) })));
  }
  drawState();
  return { node, values, adopt, suggest, search: now, focus: () => words.focus(), reveal: () => put(box, "hidden", false) };
}

/** What to do next, where nothing is found. */
function emptyText(values, page, more, form) {
  const { words, available, kind, author, keyword, year_from, year_to, sharer } = values;
  if (page)
    return [
      more
        ? trans.__("Nothing in this part; there may be more further on.")
        : trans.__("Nothing follows any more. Go back to the previous page."),
    ];
  const narrowed = kind || author || keyword || year_from || year_to || sharer;
  if (narrowed || (available && words.trim())) {
    const clear = button(trans.__("Clear the filters"), () => form.clear(), { class: "academics-link" });
    const text = words.trim()
      ? trans.__("Nothing found. %1, or try fewer words.")
      : trans.__("Nothing found. %1 to see what there is.");
    return around(text, clear);
  }
  if (words.trim()) return [trans.__("Nothing found. Try fewer words, or only the beginning of the last one.")];
  if (available)
    return [trans.__("Nobody who shares something is online now. Untick “available only” to see what there is.")];
  const share = button(trans.__("Share"), () => form.share(), { class: "academics-link" });
  return around(trans.__("Nobody shares anything yet. Be the first: choose a file under %1."), share);
}
