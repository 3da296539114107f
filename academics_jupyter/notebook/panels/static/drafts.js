// What is to be shared and is not published yet: on its way here, being looked at, and found, for correction.

function draftList(link, uploads) {
  const list = h("ul", { class: "academics-list", "aria-label": trans.__("To be published"), "data-testid": "academics-drafts" });
  const title = h("h4", { class: "academics-heading academics-grow" });
  const all = button("", () => publish(drafts()), { class: "academics-main", "data-testid": "academics-publish-all" });
  const told = h("div", { class: "academics-notice academics-done", role: "status", hidden: true });
  const explained = h("p", { class: "academics-faint" }, trans.__("Nobody sees this yet. Look over what was found, then publish it."));
  const head = h("div", { class: "academics-row-top academics-drafts-head" }, title, all);
  const box = h("section", { class: "academics-drafts", "aria-label": trans.__("To be published"), hidden: true }, head, explained, list);
  const drafts = () => (link.state.drafts ?? []).filter((row) => row.percent === null);

  function draw() {
    const looking = link.state.looking ?? [];
    const keys = new Set(looking.map((row) => row.key));
    const sending = [...uploads.all()].filter((upload) => !keys.has(upload.key));
    const rows = [
      ...sending.map((upload) => ({ key: `u-${upload.key}`, upload })),
      ...looking.map((each) => ({ key: `l-${each.key}`, looking: each })),
      ...(link.state.drafts ?? []).map((draft) => ({ key: `d-${draft.id}`, draft })),
    ];
    const had = list.contains(document.activeElement) || document.activeElement === all;
    const alone = !sending.length && looking.length < 2 && link.state.drafts?.length === 1;
    keep(list, rows, (row) => row.key, (row) => makeRow(row, alone), updateRow);
    put(box, "hidden", !rows.length);
    say(title, trans.__("To be published (%1)", rows.length));
    const ready = drafts().length;
    put(all, "hidden", ready < 2);
    all.textContent = trans.__("Publish all %1", ready);
    if (had && !(list.contains(document.activeElement) || (document.activeElement === all && ready > 1)))
      (list.querySelector("button") ?? box.parentNode.querySelector(".academics-drop button"))?.focus({ preventScroll: true });
  }
  function makeRow(row, alone) {
    if (row.upload) return makeUpload(row.upload, uploads.cancel, forget);
    return row.looking ? makeLooking(row.looking, link.ask) : makeDraft(row.draft, alone, link.ask, publish);
  }
  function updateRow(node, row) {
    if (row.upload) return updateUpload(node, row.upload);
    return row.looking ? updateLooking(node, row.looking) : updateDraft(node, row.draft);
  }
  /** With what has been changed in their forms, be it saved yet or not. */
  function publish(rows) {
    const nodes = rows.map((row) => list.academicsKept.get(`d-${row.id}`));
    const wrong = nodes.find((node) => !node.academicsParts.fields.areValid())?.academicsParts;
    if (wrong) {
      wrong.open(true);
      wrong.fields.complain();
      return;
    }
    say(told, "");
    link.ask("publish", {
      drafts: rows.map((row, place) => ({ draft: row.id, fields: nodes[place].academicsParts.fields.changed() })),
    });
  }
  function published({ published: count, notice }) {
    say(told, `${trans._n("✓ Published it.", "✓ Published all %1.", count)} ${notice}`.trim());
  }
  function forget(upload) {
    uploads.forget(upload);
    draw();
  }
  return { nodes: [box, told], draw, replies: { published, looking: (message) => forget({ key: message.looking }) } };
}

// On its way from the browser's machine

function makeUpload(upload, cancel, forget) {
  const close = () => (isOnItsWay(node.academicsUpload) ? cancel : forget)(node.academicsUpload);
  const node = movingRow(upload.name, close, { "data-upload": upload.key });
  return node;
}

function updateUpload(node, upload) {
  node.academicsUpload = upload;
  const share = upload.size ? upload.sent / upload.size : 0;
  drawMoving(node, isOnItsWay(upload) ? share : null, uploadText(upload), upload.state === "failed");
  const { stop } = node.academicsParts;
  const name = plain(upload.name);
  put(stop, "aria-label", isOnItsWay(upload) ? trans.__("Cancel %1", name) : trans.__("Close %1", name));
}

function isOnItsWay(upload) {
  return ["waiting", "sending", "taking"].includes(upload.state);
}

function uploadText({ state, sent, size, slow, error }) {
  const done = [bytes(sent), bytes(size)];
  return {
    waiting: trans.__("waiting for its turn"),
    sending: slow
      ? trans.__("%1 of %2; the kernel is busy and answers when its cell ends", ...done)
      : trans.__("%1 of %2", ...done),
    taking: trans.__("has come"),
    cancelled: trans.__("Cancelled; nothing was shared."),
    failed: error,
  }[state];
}

// Being looked at

function makeLooking(row, ask) {
  return movingRow(row.name, () => ask("forget", { key: row.key }), { "data-looking": row.key });
}

function updateLooking(node, row) {
  const isReading = row.percent > 0 && row.percent < 100;
  const text = isReading ? trans.__("reading it, %1 %", row.percent) : trans.__("looking for title and authors…");
  drawMoving(node, row.error ? null : row.percent / 100, row.error || text, row.error);
  put(node.academicsParts.stop, "hidden", !row.error);
}

function movingRow(name, close, properties) {
  const parts = {
    bar: progressBar(trans.__("Sharing %1", plain(name))),
    text: h("div"),
    stop: button("✕", close, { class: "academics-quiet", "aria-label": trans.__("Close %1", plain(name)) }),
  };
  const top = h("div", { class: "academics-row-top" }, bdi(name, { class: "academics-title" }), parts.stop);
  const node = h("li", { "data-testid": "academics-share-result", ...properties }, top, parts.bar, parts.text);
  node.academicsParts = parts;
  return node;
}

function drawMoving(node, share, text, failed) {
  const { bar, text: line } = node.academicsParts;
  put(bar, "hidden", share === null);
  setProgress(bar, share ?? 0);
  say(line, text);
  put(line, "class", failed ? "academics-error" : "academics-faint");
  put(line, "role", failed ? "alert" : false);
}

// Found

function makeDraft(row, alone, ask, publish) {
  const fields = describingFields(row);
  const isPublishing = () => node.academicsRow.percent !== null;
  const name = plain(row.name);
  const parts = {
    fields,
    title: h("div", { class: "academics-title" }),
    about: h("div", { class: "academics-faint" }),
    found: h("div", { class: "academics-found-in" }),
    notice: h("div", { class: "academics-faint", hidden: true }),
    error: h("div", { class: "academics-error", role: "alert", hidden: true }),
    bar: progressBar(trans.__("Publishing %1", name)),
    publish: button(trans.__("Publish"), () => isPublishing() || publish([node.academicsRow]), {
      class: "academics-main",
      "aria-label": trans.__("Publish %1", name),
    }),
    correct: button(trans.__("Correct"), () => (parts.form.hidden ? parts.open(true) : done()), {
      "aria-label": trans.__("Correct what is said of %1", name),
    }),
    discard: button(trans.__("Discard"), () => isPublishing() || ask("discard", { draft: row.id }), {
      class: "academics-quiet",
      "aria-label": trans.__("Discard %1", name),
    }),
    open: (opens) => {
      put(parts.form, "hidden", !opens);
      put(parts.found, "hidden", opens);
      put(parts.correct, "aria-expanded", opens ? "true" : "false");
      parts.correct.textContent = opens ? trans.__("Done") : trans.__("Correct");
      if (opens && node.isConnected) parts.form.querySelector("input").focus();
    },
  };
  const save = () => {
    const changed = fields.changed();
    if (Object.keys(changed).length && fields.areValid()) ask("revise", { draft: row.id, fields: changed });
  };
  const done = () => {
    if (!fields.complain()) return;
    save();
    parts.open(false);
    parts.publish.focus();
  };
  const heading = row.files ? trans.__("What is said of this folder") : trans.__("Found in this file; correct what is wrong");
  parts.form = submittable({ class: "academics-form" }, done, h("p", { class: "academics-faint" }, heading), ...fields.nodes);
  parts.form.addEventListener("change", save);
  const actions = h("div", { class: "academics-actions" }, parts.publish, parts.correct, parts.discard);
  const node = h(
    "li",
    { class: "academics-draft", "data-draft": row.id, "data-testid": "academics-share-result" },
    parts.title,
    parts.about,
    parts.found,
    parts.notice,
    parts.form,
    parts.error,
    parts.bar,
    actions,
  );
  node.academicsParts = parts;
  parts.open(alone);
  return node;
}

function updateDraft(node, row) {
  const { title, about, found, notice, error, bar, publish, discard, fields } = node.academicsParts;
  node.academicsRow = row;
  const publishing = row.percent !== null;
  fill(title, row.title || row.name, () => bdi(row.title || row.name));
  fill(about, [row.name, row.path, kindOf(row)], () => [fileName(row.path || row.name), ` · ${kindOf(row)}`]);
  fill(found, [row.authors, row.year, row.license, row.doi, row.keywords, row.abstract.length > 0], () => foundText(row));
  say(notice, row.notice);
  say(error, row.error);
  put(bar, "hidden", !publishing);
  if (publishing) setProgress(bar, row.percent / 100);
  for (const each of [publish, discard]) put(each, "aria-disabled", publishing);
  say(publish, publishing ? trans.__("Publishing…") : trans.__("Publish"));
  fields.take(row);
}

/** A file with the folder it lies in; all of its path on request. */
function fileName(path) {
  return bdi(path.split(/[\\/]/).slice(-2).join("/"), { title: plain(path) });
}

/** What was found at a glance, and what was not. */
function foundText(row) {
  const said = [
    row.authors.length ? h("span", {}, ...names(row.authors.slice(0, 4), Math.max(row.authors.length - 4, 0))) : trans.__("no authors"),
    row.year ? String(row.year) : trans.__("no year"),
    row.license ? bdi(row.license) : trans.__("no licence"),
    ...(row.doi ? [bdi(row.doi)] : []),
    row.abstract ? trans.__("with abstract") : trans.__("no abstract"),
    ...(row.keywords.length ? [bdi(row.keywords.join(", "))] : [trans.__("no keywords")]),
  ];
  return [row.files ? "" : `${trans.__("Found:")} `, ...said.flatMap((each, place) => (place ? [" · ", each] : [each]))];
}
