// The people: who works on what, who is there, and one click to write to them or to see what they share.

function peopleView(panel, link, explore) {
  const view = {
    opened: null,
    memory: { asked: null, order: [] },
    ask: link.ask,
    filter: explore.filter,
    open(id) {
      view.opened = id;
      draw(link.state);
    },
  };
  let timer = null;
  const search = () => {
    clearTimeout(timer);
    put(node, "aria-busy", "true");
    link.ask("people", { words: words.value });
  };
  const words = h("input", {
    type: "search",
    class: "academics-search",
    placeholder: trans.__("Search names, affiliations, interests"),
    "aria-label": trans.__("Search people"),
    "data-testid": "academics-people-search",
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(search, DEBOUNCE_MS);
    },
  });
  const form = submittable({ class: "academics-searching", role: "search" }, search, words);
  const list = h("ul", {
    class: "academics-list academics-scroll",
    "aria-label": trans.__("People"),
    "data-testid": "academics-everybody",
    onkeydown: (event) => listKeys(event, view),
  });
  const fresh = button("", () => showFresh(), { class: "academics-fresh", hidden: true });
  const empty = h("p", { class: "academics-empty", hidden: true });
  const pager = makePager(trans.__("People: pages"), (page) => link.ask("turn_people", { page }));
  const notice = h("div", { class: "academics-notice", role: "status", hidden: true });
  const node = h("div", { class: "academics-view", hidden: true }, form, notice, list, empty, pager.node);

  function draw(state) {
    const rows = state.people;
    if (!rows) {
      put(empty, "hidden", false);
      say(empty, trans.__("Looking who is there…"));
      return;
    }
    put(node, "aria-busy", "false");
    const found = new Map(rows.map((row) => [row.peer, row]));
    if (view.memory.asked !== state.people_asked) list.scrollTop = 0;
    const waiting = arranged(view.memory, state.people_asked, found, isReading());
    view.memory.order = view.memory.order.filter((peer) => found.has(peer));
    if (!found.has(view.opened)) view.opened = null;
    say(notice, state.people_notice ?? "");
    say(fresh, waiting ? trans.__("Show %1 new", waiting) : "");
    keep(
      list,
      view.memory.order.map((peer) => found.get(peer)),
      (row) => row.peer,
      (row) => makePerson(row, view),
      (item, row) => drawPerson(item, row, view),
    );
    const alone = !rows.some((row) => !row.mine);
    put(empty, "hidden", !alone);
    fill(empty, [alone, state.people_words, state.people_page], () => nobodyText(state));
    pager.draw(state.people_page, state.people_more, rows.length);
  }
  function showFresh() {
    view.memory.order = [];
    list.scrollTop = 0;
    draw(link.state);
    list.querySelector(".academics-title")?.focus();
  }
  function isReading() {
    return view.opened !== null || list.scrollTop > 0 || list.matches(":hover") || list.contains(document.activeElement);
  }
  return { node, fresh, draw };
}

function nobodyText({ people_words: words, people_page: page }) {
  if (page) return [trans.__("Nobody follows any more.")];
  if (words) return [trans.__("Nobody found. Try the beginning of a name, an affiliation or an interest.")];
  return [trans.__("Nobody else yet. Colleagues who use the same registry appear here by themselves: `%academics status` says which one that is.")];
}

function makePerson(row, view) {
  const title = button("", () => view.open(view.opened === row.peer ? null : row.peer), {
    class: "academics-title",
    "aria-expanded": "false",
    "aria-controls": `academics-person-${row.peer}`,
  });
  const parts = {
    title,
    dot: presenceDot(row.presence, false),
    where: h("span", { class: "academics-faint academics-where" }),
    about: h("div", { class: "academics-faint" }),
    interests: h("div", { class: "academics-faint academics-interests" }),
    actions: h("div", { class: "academics-actions" }),
    detail: h("div", { class: "academics-detail-box", hidden: true, id: `academics-person-${row.peer}`, role: "group" }),
  };
  const top = h("div", { class: "academics-name-line" }, parts.dot, title, parts.where, shortKey(row.fingerprint));
  const text = h("div", { class: "academics-grow" }, top, parts.about, parts.interests);
  const node = h(
    "li",
    { class: "academics-person-row", "data-item": row.peer, "data-person": row.peer },
    h("div", { class: "academics-row-top" }, text, parts.actions),
    parts.detail,
  );
  node.academicsParts = parts;
  return node;
}

function drawPerson(node, row, view) {
  const parts = node.academicsParts;
  const opened = view.opened === row.peer;
  put(node, "data-presence", row.presence);
  drawPresence(parts.dot, row.presence);
  fill(parts.title, [row.name, row.verified, row.blocked], () => [
    bdi(row.name),
    row.verified ? h("span", { class: "academics-verified", title: trans.__("You have verified their fingerprint") }, " ✓") : "",
    row.blocked ? h("span", { class: "academics-faint" }, ` ${trans.__("(blocked)")}`) : "",
  ]);
  put(parts.title, "aria-expanded", opened ? "true" : "false");
  say(parts.where, row.mine ? trans.__("you") : presenceText(row));
  fill(parts.about, row.affiliation, () => bdi(row.affiliation));
  put(parts.about, "hidden", !row.affiliation);
  fill(parts.interests, row.interests, () => (row.interests.length ? around(trans.__("works on %1"), names(row.interests)).flat() : []));
  put(parts.interests, "hidden", !row.interests.length);
  fill(parts.actions, [row.mine, row.resources, row.name], () => personActions(row, view));
  put(parts.detail, "hidden", !opened);
  put(parts.detail, "aria-label", trans.__("About %1", plain(row.name)));
  if (opened) fill(parts.detail, [row.fingerprint, row.verified, row.mine], () => fingerprintOf(row, view));
}

function personActions(row, view) {
  const count = row.resources ? trans._n("%1 resource", "%1 resources", row.resources) : trans.__("Resources");
  const shares = button(count, () => view.filter({ sharer: row.peer, sharerName: row.name }), {
    class: "academics-quiet",
    "aria-label": trans.__("%2: what %1 shares", plain(row.name), count),
    "data-testid": "academics-shares",
  });
  if (row.mine) return shares;
  const write = button(trans.__("Write"), () => view.ask("write", { peer: row.peer }), {
    "aria-label": trans.__("Write to %1", plain(row.name)),
    "data-testid": "academics-write-to",
  });
  return [shares, write];
}

function fingerprintOf(row, view) {
  const code = h("code", { class: "academics-whole-key", "data-testid": "academics-fingerprint" }, row.fingerprint);
  const key = h("p", {}, ...around(trans.__("Fingerprint: %1"), code));
  const copy = copyButton(row.fingerprint, trans.__("Copy the fingerprint"));
  if (row.mine) return [key, h("p", { class: "academics-faint" }, trans.__("Yours. Read it to others when they ask.")), copy];
  if (row.verified) return [key, h("p", { class: "academics-verified" }, trans.__("✓ You have compared it with them.")), copy];
  const told = trans.__(
    "Names can be chosen freely, fingerprints cannot. Have them read theirs to you, over the telephone or in person.",
  );
  const verify = button(trans.__("It is the same"), () => view.ask("verify", { peer: row.fingerprint }), { "data-testid": "academics-verify" });
  return [key, h("p", { class: "academics-faint" }, told), h("div", { class: "academics-actions" }, verify, copy)];
}
