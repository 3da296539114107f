// My repository: what this profile holds, how far it has gone, and what can be done with it.

function repositoryList(link) {
  const list = h("ul", { class: "academics-list academics-scroll", "aria-label": trans.__("My repository"), "data-testid": "academics-repository" });
  const find = h("input", {
    type: "search",
    placeholder: trans.__("Find in my repository"),
    "aria-label": trans.__("Find in my repository"),
    oninput: () => link.ask("find", { words: find.value }),
  });
  const empty = h("p", { class: "academics-empty", hidden: true });
  const more = h("p", { class: "academics-faint", hidden: true });
  const title = h("h4", { class: "academics-heading" }, trans.__("My repository"));
  const box = h("section", { class: "academics-mine-all", "aria-label": trans.__("My repository") }, title, find, list, more, empty);

  function draw(state) {
    if (!state.repository) return;
    const had = list.contains(document.activeElement);
    keep(list, state.repository, (row) => row.id, (row) => makeHeld(row, link.ask), (node, row) => drawHeld(node, row, state.home));
    if (had && !list.contains(document.activeElement)) (list.querySelector("button") ?? find).focus({ preventScroll: true });
    put(list, "hidden", !state.repository.length);
    put(find, "hidden", state.kept < 8 && !find.value);
    say(title, state.kept ? trans._n("My repository (%1)", "My repository (%1)", state.kept) : trans.__("My repository"));
    const unlisted = () =>
      trans._n("and %1 more: find them by a word of their title", "and %1 more: find them by a word of their title", state.more);
    say(more, state.more ? unlisted() : "");
    const nothing = trans.__("Nothing here yet. Share a paper, a table or a folder above; what you download is kept here too, for others.");
    say(empty, state.repository.length ? "" : state.kept ? trans.__("Nothing of that name.") : nothing);
  }
  return { box, draw };
}

function makeHeld(row, ask) {
  const parts = {
    title: h("div", { class: "academics-title" }),
    about: h("div", { class: "academics-faint" }),
    uptake: h("div", { class: "academics-faint academics-uptake" }),
    more: h("div", { hidden: true }),
  };
  const name = plain(row.title || row.file_name);
  const opener = (label, whole, what, make) => {
    const node = button(label, () => openBelow(parts.more, node, what, make), {
      class: "academics-quiet",
      "aria-expanded": "false",
      "aria-label": whole,
    });
    return node;
  };
  const edit = opener(trans.__("Edit"), trans.__("Edit %1", name), "edit", () => editForm(node.academicsRow, ask));
  const unshare = () => unshareForm(node.academicsRow, ask, parts.more, remove);
  const remove = opener(trans.__("Unshare"), trans.__("Unshare %1", name), "unshare", unshare);
  const top = h(
    "div",
    { class: "academics-row-top" },
    h("div", { class: "academics-grow" }, parts.title, parts.about, parts.uptake),
    h("span", { class: "academics-actions" }, edit, remove),
  );
  const node = h("li", { class: "academics-resource", "data-resource": row.id, "data-held": true }, top, parts.more);
  node.academicsParts = parts;
  return node;
}

function drawHeld(node, row, home) {
  const { title, about, uptake } = node.academicsParts;
  const name = row.title || row.file_name;
  node.academicsRow = row;
  fill(title, name, () => bdi(name));
  fill(about, [kindOf(row), row.path, row.ours], () => [
    `${kindOf(row)} · ${row.ours ? "" : `${trans.__("downloaded")} · `}`,
    h("code", { class: "academics-path-text", title: plain(row.path) }, bdi(row.file_name)),
    " ",
    copyButton(row.path, trans.__("Copy the path of %1", plain(name))),
    ...revealButton(row.path, plain(name), home),
  ]);
  say(uptake, uptakeText(row));
}

/** How often it was downloaded, where it is one's own, and who has it besides. */
function uptakeText({ ours, downloads, holders }) {
  const held = holders ? trans._n("held by %1 other", "held by %1 others", holders) : trans.__("held by nobody else");
  return ours ? `${timesText(downloads)} · ${trans.__("now %1", held)}` : trans.__("Now %1", held);
}

function timesText(downloads) {
  if (!downloads) return trans.__("Not downloaded yet");
  if (downloads === 2) return trans.__("Downloaded twice");
  return trans._n("Downloaded once", "Downloaded %1 times", downloads);
}

function openBelow(more, opener, what, make) {
  const closing = more.dataset.what === what;
  for (const each of opener.parentNode.children) put(each, "aria-expanded", each === opener && !closing ? "true" : "false");
  put(more, "data-what", closing ? false : what);
  put(more, "hidden", closing);
  more.replaceChildren(...(closing ? [] : [make()]));
  more.querySelector("input, button")?.focus({ preventScroll: true });
  more.scrollIntoView({ block: "nearest" });
}

/** The description as a form; what is not changed is not sent. */
function editForm(row, ask) {
  const fields = describingFields(row);
  const saved = h("span", { class: "academics-faint", role: "status", hidden: true });
  function save() {
    if (!fields.complain()) return;
    const changed = fields.changed();
    say(saved, Object.keys(changed).length ? "" : trans.__("Nothing is changed."));
    if (!saved.hidden) return;
    form.academicsSaved = () => {
      fields.settle();
      say(saved, trans.__("Saved; others see it so from now on."));
    };
    ask("describe", { resource: row.id, fields: changed });
  }
  const submit = h("button", { type: "submit", class: "academics-main" }, trans.__("Save changes"));
  const form = submittable({ class: "academics-form", "data-describes": row.id }, save, ...fields.nodes, h("div", { class: "academics-actions" }, submit, saved));
  return form;
}

function drawSaved(el, resource) {
  for (const form of el.querySelectorAll(`form[data-describes="${resource}"]`)) form.academicsSaved?.();
}

function unshareForm(row, ask, more, opener) {
  const said = [trans.__("You no longer offer it then."), othersText(row), trans.__("Your copy in the repository:")];
  const unshare = (remove) => ask("unshare", { resource: row.id, delete: remove });
  const cancel = () => {
    put(more, "hidden", true);
    put(more, "data-what", false);
    put(opener, "aria-expanded", "false");
    opener.focus();
  };
  return h(
    "div",
    { class: "academics-question", role: "group", "aria-label": trans.__("Unshare") },
    h("span", {}, said.join(" ")),
    button(row.files ? trans.__("Keep the folder") : trans.__("Keep the file"), () => unshare(false)),
    button(row.files ? trans.__("Delete the folder") : trans.__("Delete the file"), () => unshare(true), {
      class: "academics-danger",
    }),
    button(trans.__("Go on sharing"), cancel, { class: "academics-quiet" }),
  );
}

/** What stays on the network when this profile offers it no more. */
function othersText({ holders, ours }) {
  if (holders)
    return trans._n(
      "%1 other holds it and may go on sharing it: that cannot be taken back.",
      "%1 others hold it and may go on sharing it: that cannot be taken back.",
      holders,
    );
  return ours
    ? trans.__("Nobody else is known to hold it: others no longer find it.")
    : trans.__("Nobody else is known to hold it: it may be gone from the network then.");
}
