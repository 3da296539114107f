// The downloads: active ones and waiting ones, which can be held, then those that failed, and those to be opened.

const TURNS = {
  paused: (name) => trans.__("%1 paused", name),
  finished: (name) => trans.__("%1 finished", name),
  failed: (name) => trans.__("%1 failed", name),
  cancelled: (name) => trans.__("%1 cancelled", name),
};
const GROUPS = [
  ["active", () => trans.__("Active"), ["active"]],
  ["waiting", () => trans.__("Waiting"), ["waiting", "paused"]],
  ["failed", () => trans.__("Not finished"), ["failed", "cancelled"]],
  ["finished", () => trans.__("Finished"), ["finished"]],
];

function render({ model, el }) {
  const link = connect(model, el, "downloads", draw, { viewed: showView, copied: openCopy });
  const groups = GROUPS.map(([name, title, states]) => makeGroup(name, title(), states));
  const explore = () => {
    model.set("selected", "explore");
    model.save_changes();
  };
  const find = button(trans.__("Find something under Explore"), explore, { class: "academics-link" });
  const nothing = around(trans.__("Nothing downloaded yet. %1, and choose Download."), find);
  const empty = h("p", { class: "academics-empty", "data-testid": "academics-no-downloads", hidden: true }, ...nothing);
  const more = h("p", { class: "academics-faint", hidden: true });
  const told = h("div", { class: "academics-unseen", role: "status" });
  link.body.append(...groups.map(({ node }) => node), more, empty, told);
  const opened = new Set();
  const copies = new Set();
  let known = null;

  function draw(state) {
    const rows = state.downloads;
    if (!rows) return;
    const focused = el.querySelector("[data-download]:focus-within")?.dataset.download;
    for (const { node, list, states, draw: drawTitle } of groups) {
      const within = rows.filter((row) => states.includes(row.state));
      keep(list, within, (row) => row.id, make, update);
      put(node, "hidden", !within.length);
      drawTitle(within, states.reduce((sum, each) => sum + (state.counts?.[each] ?? 0), 0));
    }
    put(empty, "hidden", rows.length > 0);
    say(more, state.more ? trans.__("and %1 more", state.more) : "");
    keepFocus(focused);
    announce(rows);
  }
  function makeGroup(name, title, states) {
    const list = h("ul", { class: "academics-list", "aria-label": trans.__("%1 downloads", title) });
    const heading = h("h4", { class: "academics-heading academics-grow" });
    const offline = h("p", { class: "academics-faint", hidden: true }, trans.__("Your peer is offline: these go on once it is online again."));
    const clear = button(trans.__("Clear finished"), () => link.ask("clear", { states }), {
      class: "academics-quiet",
      title: trans.__("Take these off the list; the files stay"),
    });
    const tools = name === "finished" ? clear : "";
    const node = h("section", { "data-group": name, hidden: true }, h("div", { class: "academics-row-top" }, heading, tools), offline, list);
    const drawTitle = (rows, count) => {
      const rate = rows.reduce((sum, row) => sum + row.rate_bytes_s, 0);
      say(heading, `${title} (${count})${rate ? ` · ${bytes(Math.round(rate))}/s` : ""}`);
      put(offline, "hidden", name !== "waiting" || !link.state.offline);
    };
    return { node, list, states, draw: drawTitle };
  }
  /** A download that turns moves to another list: who was at its buttons is led there. */
  function keepFocus(focused) {
    if (focused === undefined || el.contains(document.activeElement)) return;
    el.querySelector(`[data-download="${focused}"] button:not([hidden])`)?.focus({ preventScroll: true });
  }
  function announce(rows) {
    const turned = rows.filter((row) => known && TURNS[row.state] && known.get(row.id) !== row.state);
    if (turned.length) told.textContent = turned.map((row) => TURNS[row.state](plain(row.name))).join(", ");
    known = new Map(rows.map((row) => [row.id, row.state]));
  }
  function make(row) {
    const parts = {
      row,
      name: h("span", { class: "academics-grow" }),
      main: button("", () => link.ask(...mainOf(parts.row).command)),
      cancel: button(trans.__("Cancel"), () => link.ask("cancel", { download: row.id }), {
        "aria-label": trans.__("Cancel %1", plain(row.name)),
      }),
      view: button(trans.__("View"), () => toggle(row.id), { "aria-controls": `academics-view-${row.id}` }),
      forget: button("✕", () => link.ask("forget", { download: row.id }), {
        class: "academics-quiet",
        title: trans.__("Take it off the list"),
        "aria-label": trans.__("Take %1 off the list", plain(row.name)),
      }),
      transfer: makeTransfer(row),
      help: h("div", { class: "academics-help", hidden: true }),
      detail: h("div", { class: "academics-faint academics-detail" }),
      path: h("div", { class: "academics-path" }),
      box: h("div", { class: "academics-detail-box", id: `academics-view-${row.id}`, hidden: true }),
    };
    const actions = h("span", { class: "academics-actions" }, parts.main, parts.cancel, parts.view, parts.forget);
    const top = h("div", { class: "academics-row-top" }, parts.name, actions);
    const below = [parts.detail, parts.help, parts.transfer, parts.path, parts.box];
    const node = h("li", { class: "academics-download", "data-download": row.id }, top, ...below);
    node.academicsParts = parts;
    return node;
  }
  function update(node, row) {
    const parts = node.academicsParts;
    parts.row = row;
    put(node, "data-state", row.state);
    put(node, "data-resource", row.resource);
    const finished = row.state === "finished";
    fill(parts.name, [row.name, finished], () => (finished ? openingName(row) : bdi(row.name, { class: "academics-title" })));
    const main = mainOf(row);
    put(parts.main, "hidden", !main);
    if (main && parts.main.textContent !== main.label) parts.main.textContent = main.label;
    if (main) put(parts.main, "aria-label", trans.__("%1: %2", main.label, plain(row.name)));
    put(parts.cancel, "hidden", !isUnderWay(row));
    put(parts.view, "hidden", !finished);
    put(parts.view, "aria-label", trans.__("View %1", plain(row.name)));
    put(parts.transfer, "hidden", !isUnderWay(row) || (row.state === "waiting" && !row.done_bytes));
    if (!parts.transfer.hidden) drawTransfer(parts.transfer, row);
    put(parts.forget, "hidden", finished || isUnderWay(row));
    fill(parts.detail, stateKey(row), () => stateText(row));
    say(parts.help, row.state === "failed" ? (link.state.help?.[row.resource] ?? "") : "");
    fill(parts.path, row.path, () => (row.path ? pathOf(row, link.state.home) : []));
    const isOpen = finished && opened.has(row.id);
    put(parts.box, "hidden", !isOpen);
    put(node, "data-open", isOpen);
    put(parts.view, "aria-expanded", isOpen ? "true" : "false");
  }
  /** The name of what has come, which opens it: in Jupyter where its server has it, else here. */
  function openingName(row) {
    const node = button(bdi(row.name), () => toggle(row.id), {
      class: "academics-title",
      title: trans.__("View it here"),
      "data-testid": "academics-open",
    });
    canOpen(model, row.path, row.size_bytes, link.state.home).then((can) => {
      if (!can) return;
      const there = button(bdi(row.name), () => openInJupyter(model, row.path, link.state.home), {
        class: "academics-title",
        title: trans.__("Open it in Jupyter"),
        "data-testid": "academics-open",
      });
      node.replaceWith(there);
    });
    return node;
  }
  function toggle(id) {
    if (opened.delete(id)) return draw(link.state);
    opened.add(id);
    fill(boxOf(id), "reading", () => h("p", { class: "academics-faint" }, trans.__("Reading…")));
    link.ask("view", { download: id });
    draw(link.state);
  }
  function boxOf(id) {
    return el.querySelector(`[data-download="${id}"]`)?.academicsParts.box;
  }
  function showView({ viewed, view }) {
    const row = link.state.downloads?.find((each) => each.id === viewed);
    const box = boxOf(viewed);
    if (row && box && opened.has(viewed)) fill(box, view, () => [...viewOf(view, plain(row.name)), copyHere(row, view)]);
  }
  /** What lies outside of Jupyter's root, as the repository mostly does, can be opened there as a copy; no folder can. */
  function copyHere(row, view) {
    const { here, home } = link.state;
    if (!here || row.folder === here) return "";
    const fits = !view.is_folder && row.size_bytes <= MAX_OPEN_BYTES;
    const opens = fits && serverPath(model, `${here}/x`, home) !== null;
    const label = opens ? trans.__("Open a copy in Jupyter") : trans.__("Put a copy beside the notebook");
    const copy = () => {
      const key = `${Date.now()}${Math.random()}`;
      if (opens) copies.add(key);
      link.ask("copy", { download: row.id, key });
    };
    return button(label, copy, { title: trans.__("The copy goes into %1", plain(here)), "data-testid": "academics-copy-here" });
  }
  function openCopy({ copied, path }) {
    if (copies.delete(copied)) openInJupyter(model, path, link.state.home);
  }
  return link.disconnect;
}

function isUnderWay(row) {
  return row.state === "waiting" || row.state === "active" || row.state === "paused";
}

/** The one thing that most people will want to do with a download. */
function mainOf(row) {
  if (row.state === "paused") return { label: trans.__("Continue"), command: ["continue", { download: row.id }] };
  if (isUnderWay(row)) return { label: trans.__("Pause"), command: ["pause", { download: row.id }] };
  if (row.state === "finished") return null;
  return { label: trans.__("Try again"), command: ["again", { download: row.id }] };
}

function stateKey({ state, done_bytes, size_bytes, rate_bytes_s, left, error, holders, finished_at_ms }) {
  const gave = state === "finished" ? holders : null;
  return [state, done_bytes, size_bytes, rate_bytes_s, left, error, gave, finished_at_ms];
}

function pathOf(row, home) {
  const copy = copyButton(row.path, trans.__("Copy the path of %1", plain(row.name)));
  return [h("code", {}, bdi(row.path)), copy, ...revealButton(row.path, plain(row.name), home)];
}

export default { render };
