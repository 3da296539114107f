// How far one download is: in words, as a bar, as a map of its pieces, and by what each holder gives.

function makeTransfer(row) {
  const name = plain(row.name);
  const parts = {
    bar: progressBar(`Progress of ${name}`),
    map: h("div", { class: "academics-map", role: "img" }),
    holders: h("ul", { class: "academics-holders-list", "aria-label": `Holders of ${name}` }),
  };
  const node = h("div", { class: "academics-transfer" }, parts.bar, parts.map, parts.holders);
  node.academicsParts = parts;
  return node;
}

function drawTransfer(node, row) {
  const { bar, map, holders } = node.academicsParts;
  setProgress(bar, shareDone(row));
  put(map, "hidden", row.pieces.length < 2);
  put(map, "aria-label", `Map of the pieces: ${percentDone(row)} % there`);
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
  const done = `${percentDone(row)} %, ${bytes(row.done_bytes)} of ${bytes(row.size_bytes)}`;
  switch (row.state) {
    case "waiting":
      return [row.done_bytes ? `${done}, waiting for its turn` : "Waiting for its turn"];
    case "active":
      if (!row.rate_bytes_s) return [`${done}, ${row.holders.length ? "waiting for a holder" : "asking its holders"}`];
      return [`${done}, ${bytes(Math.round(row.rate_bytes_s))}/s, ${row.left}`];
    case "paused":
      return [h("strong", {}, "Paused"), ` at ${done}`];
    case "finished":
      return [`${bytes(row.size_bytes)}, ${moment(row.finished_at_ms)}`, ...givers(row)];
    case "cancelled":
      return ["Cancelled. What has come is kept: trying again goes on from there."];
    default:
      return [h("span", { class: "academics-error" }, bdi(row.error))];
  }
}

function givers(row) {
  const gave = row.holders.filter((holder) => holder.given_bytes > 0);
  return gave.flatMap((holder, place) => [
    place ? ", " : ", from ",
    bdi(holder.name),
    gave.length > 1 ? ` ${shareOf(holder, row)}\u00a0%` : "",
  ]);
}
