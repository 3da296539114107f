// One resource in a list: its title, authors and holders, what can be done with it, and on request its description.

/** How long ago something was, roughly; a clock that is a little off makes nothing of the future. */
function ago(ms) {
  const minutes = Math.max(0, Math.floor((Date.now() - ms) / 60000));
  if (minutes < 2) return trans.__("just now");
  if (minutes < 60) return trans.__("%1 min ago", minutes);
  if (minutes < 48 * 60) return trans.__("%1 h ago", Math.floor(minutes / 60));
  const days = Math.floor(minutes / 1440);
  const language = document.documentElement.lang || "en";
  if (days < 60) return trans.__("%1 days ago", days);
  return trans.__("in %1", new Date(ms).toLocaleString(language, { month: "long", year: "numeric" }));
}

/** The items in the order to show them: while somebody reads, those shown keep their place and new ones wait. */
function arranged(memory, asked, found, reading) {
  if (memory.asked !== asked || !memory.order.length || !reading) memory.order = [...found.keys()];
  memory.asked = asked;
  return [...found.keys()].filter((id) => !memory.order.includes(id)).length;
}

/** Up and Down go from title to title of a list; Escape closes what is open, and leads back to its title. */
function listKeys(event, view) {
  const item = event.target.closest?.("li[data-item]");
  if (!item) return;
  if (event.key === "Escape" && view.opened === item.dataset.item) {
    event.stopPropagation();
    view.open(null);
    item.academicsParts.title.focus();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target !== item.academicsParts.title) return;
  const items = [...item.parentElement.children];
  const next = items[items.indexOf(item) + step];
  if (!next) return;
  event.preventDefault();
  next.academicsParts.title.focus();
}

function makeListing(row, view) {
  const detail = makeDetail(row, view);
  const title = button("", () => view.open(view.opened === row.id ? null : row.id), {
    class: "academics-title",
    "aria-expanded": "false",
    "aria-controls": detail.node.id,
  });
  const parts = {
    title,
    detail,
    about: h("div", { class: "academics-faint" }),
    holders: h("div", { class: "academics-faint academics-holders" }),
    action: h("div", { class: "academics-action" }),
    failure: h("div", { class: "academics-error", hidden: true }),
  };
  const text = h("div", { class: "academics-grow" }, title, parts.about, parts.holders, parts.failure);
  const node = h(
    "li",
    { class: "academics-resource", "data-resource": row.id, "data-item": row.id },
    h("div", { class: "academics-row-top" }, text, parts.action),
    detail.node,
  );
  node.academicsParts = parts;
  return node;
}

function drawListing(node, row, view) {
  const parts = node.academicsParts;
  const path = view.state.held?.[row.id];
  const download = path ? undefined : view.state.downloads?.[row.id];
  const opened = view.opened === row.id;
  const available = row.available && !row.gone;
  put(node, "data-available", available ? "true" : "false");
  put(node, "data-held", path !== undefined);
  fill(parts.title, row.title || row.file_name, () => bdi(row.title || row.file_name));
  put(parts.title, "aria-expanded", opened ? "true" : "false");
  fill(parts.about, [row.authors, row.year, row.kind, row.size_bytes, row.version, row.newer], () => aboutOf(row, view));
  const seen = row.last_seen_ms ? ago(row.last_seen_ms) : "";
  fill(parts.holders, [row.holders, row.more_holders, row.available, row.gone, seen], () => holdersOf(row, seen));
  say(parts.failure, download?.state === "failed" ? download.error : "");
  drawAction(parts.action, { ...row, available }, path, download, view);
  put(parts.detail.node, "hidden", !opened);
  if (opened) drawDetail(parts.detail, row, path, view);
}

function aboutOf(row, view) {
  const authors = row.authors.length
    ? [...names(row.authors.slice(0, 4), Math.max(row.authors.length - 4, 0)), " · "]
    : [];
  return [
    ...authors,
    row.year ? `${row.year} · ` : "",
    kindOf(row),
    row.newer ? " · " : "",
    row.newer ? versionLink(trans.__("a newer version is there"), row.newer, row.id, view, "academics-newer") : "",
  ].filter(Boolean);
}

/** Opens another version: in its place in the list, or beside the one that leads to it. */
function versionLink(label, id, from, view, testid) {
  return button(label, () => view.open(id, from), { class: "academics-quiet academics-version", "data-testid": testid });
}

function holdersOf(row, seen) {
  if (row.gone) return [trans.__("no longer offered by anybody")];
  if (!row.holders.length) return [trans.__("held by nobody")];
  const held = (text) => around(text, names(row.holders, row.more_holders)).flat();
  if (row.available) return held(trans.__("held by %1"));
  return held(seen ? trans.__("last seen %2, held by %1", "%1", seen) : trans.__("not seen lately, held by %1"));
}

const LABELS = {
  download: () => trans.__("Download"),
  again: () => trans.__("Try again"),
  paused: () => trans.__("Continue"),
};

function drawAction(node, row, path, download, view) {
  const kind = path ? "held" : kindOfAction(download);
  fill(node, [kind, row.available, download?.id], () => actionOf(kind, row, download, view));
  if (kind === "running") {
    setProgress(
      node.querySelector(".academics-bar"),
      download.size_bytes ? download.done_bytes / download.size_bytes : 0,
    );
  }
}

function kindOfAction(download) {
  switch (download?.state) {
    case "active":
    case "waiting":
      return "running";
    case "paused":
      return "paused";
    case "failed":
      return "again";
    default:
      return "download";
  }
}

function actionOf(kind, row, download, view) {
  const title = plain(row.title || row.file_name);
  if (kind === "held") {
    const open = button(trans.__("Open"), () => view.openHeld(row.id), {
      "aria-label": trans.__("Open %1", title),
      "data-testid": "academics-open-held",
    });
    return [h("span", { class: "academics-held", title: trans.__("You hold this") }, trans.__("✓ yours")), open];
  }
  if (kind === "running") return progressBar(trans.__("Download of %1", title));
  const label = LABELS[kind]();
  const away = !row.available;
  const command = kind === "paused" ? ["continue", { download: download.id }] : ["download", { resource: row.id }];
  const node = button(label, () => !away && view.ask(...command), {
    class: "academics-download-button",
    "data-testid": "academics-download",
  });
  put(node, "aria-disabled", away ? "true" : false);
  put(node, "title", away ? trans.__("No holder is online now") : false);
  put(node, "aria-label", away ? trans.__("%1 %2: no holder is online now", label, title) : `${label} ${title}`);
  return node;
}
