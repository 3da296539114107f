// One resource in a list: its title, authors and holders, what can be done with it, and on request its description.

function makeListing(row, view) {
  const detail = h("div", { class: "academics-detail-box", hidden: true, id: `academics-detail-${row.id}` });
  const title = button("", () => toggle(row.id, node, view), {
    class: "academics-title",
    "aria-expanded": "false",
    "aria-controls": detail.id,
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
    { class: "academics-resource", "data-resource": row.id },
    h("div", { class: "academics-row-top" }, text, parts.action),
    detail,
  );
  node.academicsParts = parts;
  return node;
}

function toggle(id, node, view) {
  view.opened = view.opened === id ? null : id;
  view.redraw();
  if (view.opened === id) node.scrollIntoView({ block: "nearest" });
}

function drawListing(node, row, view) {
  const parts = node.academicsParts;
  const path = view.state.held?.[row.id];
  const download = path ? undefined : view.state.downloads?.[row.id];
  const opened = view.opened === row.id;
  put(node, "data-available", row.available ? "true" : "false");
  put(node, "data-held", path !== undefined);
  fill(parts.title, row.title || row.file_name, () => bdi(row.title || row.file_name));
  put(parts.title, "aria-expanded", opened ? "true" : "false");
  const here = [row.newer, row.previous].map((id) => view.order.includes(id));
  fill(parts.about, [row.authors, row.year, row.kind, row.size_bytes, row.version, row.newer, here], () =>
    aboutOf(row, view),
  );
  fill(parts.holders, [row.holders, row.more_holders, row.available], () => holdersOf(row));
  say(parts.failure, download?.state === "failed" ? download.error : "");
  drawAction(parts.action, row, path, download, view);
  put(parts.detail, "hidden", !opened);
  if (opened) fill(parts.detail, [row, path, here], () => detailOf(row, path, view));
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
    row.newer ? versionLink("a newer version is there", row.newer, view, "academics-newer") : "",
  ].filter(Boolean);
}

/** Opens another version in the list, where it is there; else its id can be copied. */
function versionLink(label, id, view, testid) {
  if (!view.order.includes(id)) return h("span", { "data-testid": testid }, label, " ", copyButton(id, "Copy its id"));
  return button(label, () => openRow(id, view), { class: "academics-quiet", "data-testid": testid });
}

function openRow(id, view) {
  view.opened = id;
  view.redraw();
  document.getElementById(`academics-detail-${id}`)?.closest("li")?.scrollIntoView({ block: "nearest" });
}

function holdersOf(row) {
  const held = row.holders.length ? ["held by ", ...names(row.holders, row.more_holders)] : ["held by nobody"];
  return row.available ? held : [...held, h("span", { class: "academics-away" }, " · no holder is online")];
}

const LABELS = { download: "Download", again: "Try again", paused: "Continue" };

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
  if (kind === "held")
    return h("span", { class: "academics-held", title: "You hold this; open the row to see where it lies" }, "✓ yours");
  if (kind === "running") return progressBar(`Download of ${title}`);
  const label = LABELS[kind];
  const away = !row.available;
  const command = kind === "paused" ? ["continue", { download: download.id }] : ["download", { resource: row.id }];
  const node = button(label, () => !away && view.ask(...command), {
    class: "academics-download-button",
    "data-testid": "academics-download",
  });
  put(node, "aria-disabled", away ? "true" : false);
  put(node, "title", away ? "No holder is online now" : false);
  put(node, "aria-label", `${label} ${title}${away ? ": no holder is online now" : ""}`);
  return node;
}

function detailOf(row, path, view) {
  return [
    row.abstract ? h("p", { class: "academics-abstract" }, bdi(row.abstract)) : null,
    h("dl", { class: "academics-facts" }, factsOf(row, path, view)),
    row.mine
      ? null
      : button(["Write to ", bdi(row.sharer)], () => view.ask("write", { peer: row.sharer_id }), {
          "data-testid": "academics-write",
        }),
  ].filter(Boolean);
}

function factsOf(row, path, view) {
  const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];
  return [
    row.keywords.length ? fact("Keywords", ...names(row.keywords)) : [],
    row.doi ? fact("DOI", doiLink(row.doi)) : [],
    row.license ? fact("Licence", bdi(row.license)) : [],
    fact(row.files ? "Folder" : "File", bdi(row.file_name)),
    row.previous
      ? fact("Version", `${row.version}, after `, versionLink("the previous one", row.previous, view, "academics-previous"))
      : [],
    fact(
      "Shared by",
      row.mine ? "you" : bdi(row.sharer),
      " ",
      h(
        "span",
        { class: "academics-faint academics-key", title: row.sharer_fingerprint },
        row.sharer_fingerprint.slice(0, 9),
      ),
    ),
    fact("ID", h("code", { title: row.id }, row.id.slice(0, 12)), " ", copyButton(row.id, "Copy the id")),
    path
      ? fact(
          "Lies at",
          h("code", { class: "academics-path-text", "data-testid": "academics-path" }, bdi(path)),
          " ",
          copyButton(path, "Copy the path"),
        )
      : [],
  ].flat();
}

/** Only what has the form of a DOI becomes a link, and only to the resolver. */
function doiLink(doi) {
  if (!/^10\.\d{4,9}\/\S+$/.test(doi)) return bdi(doi);
  const address = `https://doi.org/${doi.split("/").map(encodeURIComponent).join("/")}`;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, bdi(doi));
}
