// What has come, at a glance. Every string of it is from a peer's file, and becomes a text node.

function viewOf(view, name) {
  const nodes = [];
  if (view.about) nodes.push(h("p", { class: "academics-faint" }, plain(view.about)));
  if (view.facts) nodes.push(factsView(view.facts));
  if (view.rows) nodes.push(tableView(view.rows, name));
  if (view.cells) nodes.push(scrolling(trans.__("Cells of %1", name), ...view.cells.map(([kind, source]) => cellView(kind, source))));
  if (view.text) nodes.push(scrolling(trans.__("Text of %1", name), h("pre", {}, plain(view.text))));
  return nodes;
}

/** What may be longer than its box can be scrolled by keyboard too. */
function scrolling(label, ...children) {
  return h("div", { class: "academics-view-box", role: "region", tabindex: 0, "aria-label": label }, ...children);
}

function tableView([names, ...rows], name) {
  const head = h("tr", {}, ...names.map((each) => h("th", { scope: "col" }, bdi(each))));
  const body = rows.map((row) => h("tr", {}, ...row.map((each) => h("td", {}, bdi(each)))));
  return scrolling(trans.__("Table of %1", name), h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)));
}

function cellView(kind, source) {
  return h(
    "div",
    { class: "academics-view-cell" },
    h("span", { class: "academics-faint" }, plain(kind)),
    h("pre", {}, plain(source)),
  );
}

function factsView(facts) {
  return h("dl", { class: "academics-facts" }, ...facts.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, bdi(text))]));
}
