// How far one download is: in words, as a bar, as a map of its pieces, and by what each holder gives.

function makeTransfer(row) {
  const name = plain(row.name);
  const parts = {
    bar: progressBar(trans.__("Progress of %1", name)),
    map: h("div", { class: "academics-map", role: "img" }),
    holders: h("ul", { class: "academics-holders-list", "aria-label": trans.__("Holders of %1", name) }),
  };
  const node = h("div", { class: "academics-transfer" }, parts.bar, parts.map, parts.holders);
  node.academicsParts = parts;
  return node;
}

function drawTransfer(node, row) {
  const { bar, map, holders } = node.academicsParts;
  setProgress(bar, shareDone(row));
  put(map, "hidden", row.pieces.length < 2);
  put(map, "aria-label", trans.__("Map of the pieces: %1 % there", percentDone(row)));
  fill(map, row.pieces, () => [...row.pieces].map((part) => h("i", { style: `--part: ${Math.round((part / 9) * 100)}%` })));
  put(holders, "hidden", !row.holders.length);
  keep(holders, row.holders, (holder) => holder.fingerprint, makeHolder, (item, holder) => drawHolder(item, holder, row));
}

function makeHolder(holder) {
  const bar = h("span", { class: "academics-given", "aria-hidden": "true" }, h("span"));
  const text = h("span", { class: "academics-faint academics-given-text" });
  const node = h("li", {}, bdi(holder.name, { title: holder.fingerprint }), bar, text);
  node.academicsParts = { bar, text };
  return node;
}

function drawHolder(node, holder, row) {
  const { bar, text } = node.academicsParts;
  bar.firstChild.style.width = `${shareOf(holder, row)}%`;
  const now = holder.rate_bytes_s > 0 ? `, ${bytes(Math.round(holder.rate_bytes_s))}/s` : "";
  say(text, `${shareOf(holder, row)} %${now}`);
  put(node, "data-giving", holder.rate_bytes_s > 0);
}

/** What a holder has given, in percent of the whole. */
function shareOf(holder, row) {
  return row.size_bytes ? Math.round((100 * holder.given_bytes) / row.size_bytes) : 0;
}

function shareDone(row) {
  return row.size_bytes ? row.done_bytes / row.size_bytes : 0;
}

/** 100 only where all is there. */
function percentDone(row) {
  return Math.floor(100 * shareDone(row));
}

/** What is said of a download in any state. */
function stateText(row) {
  const done = trans.__("%1 %, %2 of %3", percentDone(row), bytes(row.done_bytes), bytes(row.size_bytes));
  switch (row.state) {
    case "waiting":
      return [row.done_bytes ? trans.__("%1, waiting for its turn", done) : trans.__("Waiting for its turn")];
    case "active":
      if (!row.rate_bytes_s)
        return [row.holders.length ? trans.__("%1, waiting for a holder", done) : trans.__("%1, asking its holders", done)];
      return [`${done}, ${bytes(Math.round(row.rate_bytes_s))}/s, ${row.left}`];
    case "paused":
      return around(trans.__("%1 at %2", "%1", done), h("strong", {}, trans.__("Paused")));
    case "finished":
      return cameText(`${bytes(row.size_bytes)}, ${moment(row.finished_at_ms)}`, row);
    case "cancelled":
      return [trans.__("Cancelled. What has come is kept: trying again goes on from there.")];
    default:
      return [h("span", { class: "academics-error" }, bdi(row.error))];
  }
}

/** What has come and when, and from whom. */
function cameText(what, row) {
  const gave = row.holders.filter((holder) => holder.given_bytes > 0);
  if (!gave.length) return [what];
  const givers = gave.flatMap((holder, place) => [
    place ? ", " : "",
    bdi(holder.name),
    gave.length > 1 ? ` ${shareOf(holder, row)}\u00a0%` : "",
  ]);
  return around(trans.__("%2, from %1", "%1", what), givers).flat();
}
