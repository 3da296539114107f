// What is told of the resource that is open: its description, who holds it, its versions, how to cite it, a look at it.

function makeDetail(row, view) {
  const title = plain(row.title || row.file_name);
  const list = (label) => h("ul", { class: "academics-inner-list", "aria-label": label });
  const part = (heading, ...content) =>
    h("section", { hidden: true }, h("h4", { class: "academics-heading" }, heading), ...content);
  const parts = {
    actions: h("div", { class: "academics-actions" }),
    abstract: h("p", { class: "academics-abstract", hidden: true }),
    facts: h("dl", { class: "academics-facts" }),
    holders: list(trans.__("Holders of %1", title)),
    versions: list(trans.__("Versions of %1", title)),
    others: list(trans.__("Other descriptions of %1", title)),
    told: h("div", { class: "academics-faint", role: "status", hidden: true }),
    bibtex: h("pre", { class: "academics-bibtex", tabindex: 0, "aria-label": trans.__("BibTeX of %1", title), "data-testid": "academics-bibtex" }),
    look: h("div", { class: "academics-look", hidden: true }),
  };
  parts.held = part(trans.__("Holders"), parts.holders);
  parts.known = part(trans.__("Versions"), parts.versions);
  parts.also = part(trans.__("Described by others too"), parts.others);
  parts.cited = part(trans.__("Citation"), parts.bibtex, parts.told);
  parts.node = h(
    "div",
    { class: "academics-detail-box", hidden: true, id: `academics-detail-${row.id}`, role: "group", "aria-label": trans.__("About %1", title) },
    ...[parts.actions, parts.cited, parts.look, parts.abstract, parts.facts, parts.held, parts.known, parts.also],
  );
  return parts;
}

function drawDetail(parts, row, path, view) {
  const told = view.state.detail?.id === row.id ? view.state.detail : null;
  fill(parts.actions, [row.mine, row.sharer, told?.sharer?.presence, Boolean(told)], () => actionsOf(parts, row, told, view));
  fill(parts.abstract, row.abstract, () => bdi(row.abstract));
  put(parts.abstract, "hidden", !row.abstract);
  fill(parts.facts, [row, path], () => factsOf(row, path, view));
  put(parts.held, "hidden", !told?.holders.length);
  keep(parts.holders, told?.holders ?? [], (each) => each.peer, (each) => makeHolder(each, view), drawHolder);
  put(parts.known, "hidden", !(told?.versions.length > 1));
  fill(parts.versions, told?.versions ?? [], () => (told?.versions ?? []).map((each) => versionOf(each, row, view)));
  put(parts.also, "hidden", !told?.others.length);
  fill(parts.others, told?.others ?? [], () =>
    (told?.others ?? []).map((each) => h("li", {}, bdi(each.sharer), ": ", bdi(each.title))),
  );
  if (told && parts.bibtex.textContent !== told.bibtex) parts.bibtex.textContent = told.bibtex;
  const look = view.looks.get(row.id);
  put(parts.look, "hidden", !look);
  if (look) fill(parts.look, look, () => lookOf(row, look, view));
}

function actionsOf(parts, row, told, view) {
  const cite = button(trans.__("Cite"), () => citeHere(parts, view.state.detail?.bibtex), {
    title: trans.__("Copy its BibTeX entry"),
    disabled: !told,
    "data-testid": "academics-cite",
  });
  const write = button(around(trans.__("Write to %1"), bdi(row.sharer)), () => view.ask("write", { peer: row.sharer_id }), {
    "data-testid": "academics-write",
  });
  const more = row.mine
    ? null
    : button(around(trans.__("More by %1"), bdi(row.sharer)), () => view.filter({ sharer: row.sharer_id, sharerName: row.sharer }), {
        class: "academics-quiet",
      });
  return [cite, row.mine ? null : write, more].filter(Boolean);
}

/** The entry goes to the clipboard, and is there to be selected where the browser does not allow that. */
async function citeHere(parts, bibtex) {
  if (!bibtex) return;
  put(parts.cited, "hidden", false);
  say(parts.told, (await copyText(bibtex)) ? trans.__("Copied to the clipboard.") : trans.__("Select it to copy it: this page may not use the clipboard."));
}

function factsOf(row, path, view) {
  const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];
  const filtered = (text, filter, label) =>
    button(bdi(text), () => view.filter(filter), { class: "academics-tag", title: label });
  return [
    row.authors.length > 4 ? fact(trans.__("Authors"), ...names(row.authors)) : [],
    row.keywords.length
      ? fact(trans.__("Keywords"), ...row.keywords.map((each) => filtered(each, { keyword: each }, trans.__("Only with the keyword %1", plain(each)))))
      : [],
    row.doi ? fact("DOI", doiLink(row.doi)) : [],
    row.license ? fact(trans.__("Licence"), bdi(row.license)) : [],
    fact(row.files ? trans.__("Folder") : trans.__("File"), bdi(row.file_name)),
    row.previous
      ? fact(
          trans.__("Version"),
          ...around(
            trans.__("%2, after %1", "%1", row.version),
            versionLink(trans.__("the previous one"), row.previous, row.id, view, "academics-previous"),
          ),
        )
      : [],
    fact(
      trans.__("Shared"),
      ...around(trans.__("%2 by %1", "%1", moment(row.shared_at_ms)), row.mine ? trans.__("you") : bdi(row.sharer)),
      " ",
      shortKey(row.sharer_fingerprint),
    ),
    fact("ID", h("code", { title: row.id }, row.id.slice(0, 12)), " ", copyButton(row.id, trans.__("Copy the id"))),
    path
      ? fact(
          trans.__("Lies at"),
          h("code", { class: "academics-path-text", "data-testid": "academics-path" }, bdi(path)),
          " ",
          copyButton(path, trans.__("Copy the path")),
          ...revealButton(path, plain(row.file_name)),
        )
      : [],
  ].flat();
}

function shortKey(fingerprint) {
  return h("span", { class: "academics-faint academics-key", title: trans.__("Fingerprint: %1", fingerprint) }, fingerprint.slice(0, 9));
}

/** Only what has the form of a DOI becomes a link, and only to the resolver. */
function doiLink(doi) {
  if (!/^10\.\d{4,9}\/\S+$/.test(doi)) return bdi(doi);
  const address = `https://doi.org/${doi.split("/").map(encodeURIComponent).join("/")}`;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, bdi(doi));
}

function makeHolder(each, view) {
  const parts = {
    dot: presenceDot(each.presence),
    seen: h("span", { class: "academics-faint" }),
  };
  const write = button(trans.__("Write"), () => view.ask("write", { peer: each.peer }), {
    class: "academics-quiet",
    "aria-label": trans.__("Write to %1", plain(each.name)),
  });
  const name = each.mine ? trans.__("you") : bdi(each.name, { title: each.fingerprint });
  const node = h("li", {}, parts.dot, h("span", {}, name), parts.seen, each.mine ? null : write);
  node.academicsParts = parts;
  return node;
}

function drawHolder(node, each) {
  const { dot, seen } = node.academicsParts;
  drawPresence(dot, each.presence);
  say(seen, presenceText(each));
}

/** In words: what the dot says, or when somebody was last seen. */
function presenceText({ presence, last_seen_ms }) {
  if (presence !== "away") return presence === "busy" ? trans.__("busy") : trans.__("online");
  return last_seen_ms ? trans.__("last seen %1", ago(last_seen_ms)) : trans.__("not seen lately");
}

function versionOf(each, row, view) {
  const label = around(trans.__("Version %2: %1", "%1", each.version), bdi(each.title));
  const about = h("span", { class: "academics-faint" }, moment(each.at_ms));
  if (each.id === row.id) return h("li", { "aria-current": "true" }, h("span", {}, ...label), about);
  return h("li", {}, button(label, () => view.open(each.id, row.id), { class: "academics-quiet academics-version" }), about);
}

function lookOf(row, look, view) {
  const close = button(trans.__("Close"), () => view.look(row.id, null), { class: "academics-quiet" });
  const heading = h("div", { class: "academics-look-top" }, h("h4", { class: "academics-heading" }, trans.__("At a glance")), close);
  return [heading, ...(look === "reading" ? [h("p", { class: "academics-faint" }, trans.__("Reading…"))] : viewOf(look, plain(row.file_name)))];
}
