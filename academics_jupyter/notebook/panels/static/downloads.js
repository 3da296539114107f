// The downloads: those under way with their progress, then those that have ended.

const STATES = {
  waiting: "waiting",
  active: "downloading",
  finished: "finished",
  failed: "failed",
  cancelled: "cancelled",
};

function render({ model, el }) {
  const link = connect(model, el, "downloads", draw);
  const active = h("ul", { class: "academics-list", "aria-label": "Downloads under way" });
  const ended = h("ul", { class: "academics-list", "aria-label": "Downloads that have ended" });
  const heading = h("h4", { class: "academics-heading", hidden: true }, "Ended");
  const empty = h(
    "p",
    { class: "academics-empty", "data-testid": "academics-no-downloads" },
    "Nothing downloaded yet. Find something under Explore and choose Download.",
  );
  empty.hidden = true;
  const done = h("div", { class: "academics-unseen", role: "status" });
  link.body.append(active, heading, ended, empty, done);
  let known = null;

  function draw(state) {
    const rows = state.downloads;
    if (!rows) return;
    const [running, over] = [rows.filter(isRunning), rows.filter((row) => !isRunning(row))];
    keep(active, running, (row) => row.id, make, update);
    keep(ended, over, (row) => row.id, make, update);
    put(active, "hidden", !running.length);
    put(ended, "hidden", !over.length);
    put(heading, "hidden", !(running.length && over.length));
    put(empty, "hidden", rows.length > 0);
    announce(rows);
  }
  function announce(rows) {
    const ends = rows.filter((row) => known && !isRunning(row) && known.get(row.id) !== row.state);
    if (ends.length) done.textContent = ends.map((row) => `${plain(row.name)} ${STATES[row.state]}`).join(", ");
    known = new Map(rows.map((row) => [row.id, row.state]));
  }
  function make(row) {
    const parts = {
      name: bdi(row.name, { class: "academics-title" }),
      actions: h("span", { class: "academics-actions" }),
      bar: progressBar(`Progress of ${plain(row.name)}`),
      detail: h("div", { class: "academics-faint academics-detail" }),
      path: h("div", { class: "academics-path" }),
    };
    const top = h("div", { class: "academics-row-top" }, parts.name, parts.actions);
    const node = h(
      "li",
      { class: "academics-download", "data-download": row.id },
      top,
      parts.bar,
      parts.detail,
      parts.path,
    );
    node.academicsParts = parts;
    return node;
  }
  function update(node, row) {
    const { actions, bar, detail, path } = node.academicsParts;
    put(node, "data-state", row.state);
    put(node, "data-resource", row.resource);
    put(bar, "hidden", !isRunning(row));
    setProgress(bar, row.size_bytes ? row.done_bytes / row.size_bytes : 0);
    fill(detail, detailKey(row), () => detailOf(row));
    fill(path, row.path, () =>
      row.path ? [h("code", {}, bdi(row.path)), copyButton(row.path, `Copy the path of ${plain(row.name)}`)] : [],
    );
    fill(actions, row.state, () => actionsOf(row));
  }
  function actionsOf(row) {
    if (isRunning(row))
      return button("Cancel", () => link.ask("cancel", { download: row.id }), {
        "aria-label": `Cancel ${plain(row.name)}`,
      });
    if (row.state === "finished") return [];
    return button("Try again", () => link.ask("again", { resource: row.resource, folder: row.folder }), {
      "aria-label": `Download ${plain(row.name)} again`,
    });
  }
  return link.disconnect;
}

function isRunning(row) {
  return row.state === "waiting" || row.state === "active";
}

function detailKey({ state, done_bytes, size_bytes, rate_bytes_s, holders, error, finished_at_ms }) {
  return [state, done_bytes, size_bytes, rate_bytes_s, holders, error, finished_at_ms];
}

function detailOf(row) {
  if (row.state === "waiting") return ["waiting for its turn"];
  if (row.state === "active") return activeDetail(row);
  if (row.state === "finished") return [`${bytes(row.size_bytes)}, ${moment(row.finished_at_ms)}`];
  if (row.state === "cancelled") return ["Cancelled. What has come is kept: trying again goes on from there."];
  return [h("span", { class: "academics-error" }, bdi(row.error))];
}

function activeDetail(row) {
  const parts = [`${bytes(row.done_bytes)} of ${bytes(row.size_bytes)}`];
  if (row.rate_bytes_s > 0) {
    parts.push(`, ${bytes(Math.round(row.rate_bytes_s))}/s`);
    parts.push(`, ${duration((row.size_bytes - row.done_bytes) / row.rate_bytes_s)} left`);
  }
  if (row.holders.length) parts.push(", from ", ...names(row.holders));
  return parts;
}

export default { render };
