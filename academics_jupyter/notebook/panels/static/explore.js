// Exploring: resources and people, each with its search and its pages. How one row looks is in listing.js.

const PAGE_SIZE = 50;

function render({ model, el }) {
  const link = connect(model, el, "explore", draw, { viewed: showLook });
  const panel = model.get("panel");
  let isAdopted = false;
  let mode = "resources";
  let told = null;
  const view = {
    opened: null,
    anchor: null,
    memory: { asked: null, order: [] },
    last: new Map(),
    looks: new Map(),
    ask: link.ask,
    state: link.state,
    open,
    openHeld,
    look,
    filter,
  };
  const form = searchForm(panel, () => {
    put(link.body, "aria-busy", "true");
    link.ask("search", form.values());
  });
  form.clear = () => form.node.querySelector("[data-testid='academics-clear']").click();
  form.share = () => {
    model.set("selected", "share");
    model.save_changes();
  };
  const notice = h("div", { class: "academics-notice", role: "status", hidden: true });
  const fresh = button("", () => showFresh(), { class: "academics-fresh", hidden: true });
  const list = h("ul", {
    class: "academics-list academics-scroll",
    "aria-label": trans.__("Resources"),
    "data-testid": "academics-results",
    onkeydown: (event) => listKeys(event, view),
  });
  const empty = h("p", { class: "academics-empty", "data-testid": "academics-no-results", hidden: true });
  const pager = makePager(trans.__("Resources: pages"), (page) => {
    put(link.body, "aria-busy", "true");
    link.ask("turn", { page });
  });
  const resources = h("div", { class: "academics-view" }, form.node, notice, list, empty, pager.node);
  const people = peopleView(panel, link, view);
  const modes = modeSwitch((name) => turnTo(name, true));
  // What is new is told of where there is room already, for the list must not move under whoever reads it.
  const top = h("div", { class: "academics-explore-top" }, modes.node, fresh, people.fresh);
  link.body.append(top, resources, people.node);
  say(empty, trans.__("Looking at what there is…"));
  put(link.body, "aria-busy", "true");

  function draw(state) {
    // What the kernel says of the mode counts once, for one may have chosen another meanwhile.
    if (state.mode && state.mode !== told) {
      told = state.mode;
      if (told !== mode) return turnTo(told, false);
    }
    if (mode === "people") return people.draw(state);
    if (state.rows) drawResources(state);
  }
  function drawResources(state) {
    put(link.body, "aria-busy", "false");
    if (!isAdopted && state.query) form.adopt(state.query);
    isAdopted = true;
    if (view.memory.asked !== state.asked) list.scrollTop = 0;
    const { rows, waiting } = shownRows(state, view, isReading());
    say(notice, state.notice ?? "");
    say(fresh, waiting ? trans.__("Show %1 new", waiting) : "");
    keep(
      list,
      rows,
      (row) => row.id,
      (row) => makeListing(row, view),
      (node, row) => drawListing(node, row, view),
    );
    form.suggest(state.rows);
    put(empty, "hidden", rows.length > 0);
    fill(empty, [state.words, form.values(), state.page, state.more], () =>
      emptyText(form.values(), state.page, state.more, form),
    );
    pager.draw(state.page, state.more, state.rows.length);
  }
  function showFresh() {
    view.memory.order = [];
    list.scrollTop = 0;
    draw(link.state);
    list.querySelector(".academics-title")?.focus();
  }
  /** Somebody who has scrolled, opened a row or points at the list must not see it move. */
  function isReading() {
    return view.opened !== null || list.scrollTop > 0 || list.matches(":hover") || list.contains(document.activeElement);
  }
  /** Open a row, or one that is led to from another row; with null, none. */
  function open(id, from = null) {
    view.opened = id;
    view.anchor = from;
    link.ask("open", { resource: id ?? "" });
    draw(link.state);
    itemOf(id)?.scrollIntoView({ block: "nearest" });
  }
  function itemOf(id) {
    return id && list.querySelector(`[data-item="${id}"]`);
  }
  /** What is held opens in Jupyter where its server has it, else at a glance here. */
  async function openHeld(id) {
    const path = link.state.held?.[id];
    const row = view.last.get(id);
    if (!path || !row) return;
    if (await canOpen(model, path, row.size_bytes, link.state.home)) return openInJupyter(model, path, link.state.home);
    look(id, "reading");
    link.ask("view", { resource: id });
    open(id);
  }
  function look(id, what) {
    if (what) view.looks.set(id, what);
    else view.looks.delete(id);
    draw(link.state);
  }
  function showLook({ viewed, view: seen }) {
    if (view.looks.has(viewed)) look(viewed, seen);
  }
  /** Show the resources that have something in common with what one has just looked at. */
  function filter({ sharer, sharerName, ...more }) {
    if (mode === "people") turnTo("resources", true);
    open(null);
    const query = sharer ? { words: "", sharer, sharer_name: sharerName } : more;
    if (!sharer) form.reveal();
    form.adopt(query);
    form.search();
    form.focus();
  }
  function turnTo(name, isAsked) {
    mode = name;
    modes.draw(name);
    put(resources, "hidden", name !== "resources");
    put(people.node, "hidden", name !== "people");
    for (const each of [fresh, people.fresh]) say(each, "");
    if (isAsked) link.ask("mode", { mode: name });
    draw(link.state);
  }
  return link.disconnect;
}

/** The rows of this page as they are to be shown, and how many new ones wait. */
function shownRows(state, view, reading) {
  const found = new Map(state.rows.map((row) => [row.id, row]));
  const { memory, last } = view;
  if (memory.asked !== state.asked && !found.has(view.opened)) view.opened = null;
  const waiting = arranged(memory, state.asked, found, reading);
  const beside = state.beside && state.beside.id === view.opened && !found.has(view.opened) ? state.beside : null;
  if (beside && !memory.order.includes(beside.id)) memory.order.splice(memory.order.indexOf(view.anchor) + 1, 0, beside.id);
  const rows = memory.order.map((id) => found.get(id) ?? (beside?.id === id ? beside : formerRow(id, state.left, last)));
  view.last = new Map(rows.filter(Boolean).map((row) => [row.id, row]));
  return { rows: rows.filter(Boolean), waiting };
}

/** A row that is not on the page any more, for whoever reads there: as it is now, or marked where nobody offers it. */
function formerRow(id, left, last) {
  if (left?.[id]) return left[id];
  const row = last.get(id);
  return row && left?.[id] === null ? { ...row, gone: true } : row;
}

function modeSwitch(choose) {
  const make = (name, title) => button(title, () => choose(name), { "data-testid": `academics-mode-${name}` });
  const choices = { resources: make("resources", trans.__("Resources")), people: make("people", trans.__("People")) };
  const node = h("div", { class: "academics-modes", role: "group", "aria-label": trans.__("What to explore") }, ...Object.values(choices));
  const draw = (name) => {
    for (const [each, choice] of Object.entries(choices)) put(choice, "aria-pressed", each === name ? "true" : "false");
  };
  draw("resources");
  return { node, draw };
}

/** Turns pages. Its buttons stay where they are, so that one can go on turning. */
function makePager(label, turn) {
  let page = 0;
  let more = false;
  const previous = button(`‹ ${trans.__("Previous")}`, () => page > 0 && turn(page - 1), { "data-testid": "academics-previous-page" });
  const next = button(`${trans.__("Next")} ›`, () => more && turn(page + 1), { "data-testid": "academics-next-page" });
  const where = h("span", { class: "academics-faint", role: "status" });
  const node = h("nav", { class: "academics-pager", "aria-label": label, hidden: true }, previous, where, next);
  const draw = (number, isMore, count) => {
    [page, more] = [number ?? 0, isMore];
    put(node, "hidden", !page && !more);
    put(previous, "aria-disabled", page ? false : "true");
    put(next, "aria-disabled", more ? false : "true");
    const first = page * PAGE_SIZE;
    say(where, count ? trans.__("Page %1: %2 to %3", page + 1, first + 1, first + count) : trans.__("Page %1", page + 1));
  };
  return { node, draw };
}

export default { render };
