// Sharing: where files are dropped or chosen, what is to be published, and the repository.

function render({ model, el }) {
  const replies = { saved: (message) => drawSaved(el, message.saved) };
  const link = connect(model, el, "share", draw, replies);
  const uploads = uploader(link.ask, () => drafts.draw());
  const drafts = draftList(link, uploads);
  const folders = folderChooser(link.ask, (path) => link.ask("offer", { key: newKey(), path }));
  const repository = repositoryList(link);
  Object.assign(replies, uploads.replies, drafts.replies, folders.replies);
  link.body.append(dropZone(uploads.add, folders.toggle), folders.box, ...drafts.nodes, repository.box);

  function draw(state) {
    drafts.draw();
    repository.draw(state);
  }
  /** What is on its way from the browser goes with the page; all else is kept by the kernel. */
  function warn(event) {
    if ([...uploads.all()].some((upload) => upload.state === "sending" || upload.state === "waiting")) event.preventDefault();
  }
  window.addEventListener("beforeunload", warn);
  return () => {
    window.removeEventListener("beforeunload", warn);
    link.disconnect();
  };
}

function dropZone(add, fromServer) {
  const input = h("input", {
    type: "file",
    multiple: true,
    class: "academics-unseen",
    tabindex: -1,
    "aria-hidden": "true",
    "data-testid": "academics-file-input",
  });
  const choose = button(trans.__("choose them on this computer"), () => input.click(), { class: "academics-link" });
  const places = { "%1": choose, "%2": fromServer };
  const said = trans.__("Drop files here, %1, or %2").split(/(%[12])/);
  const zone = h(
    "div",
    { class: "academics-drop", "data-testid": "academics-drop-zone" },
    h("span", {}, ...said.map((part) => places[part] ?? part)),
    input,
  );
  input.addEventListener("change", () => {
    [...input.files].forEach(add);
    input.value = "";
  });
  const over = (event, isOver) => {
    event.preventDefault();
    event.stopPropagation();
    put(zone, "data-over", isOver);
  };
  zone.addEventListener("dragenter", (event) => over(event, true));
  zone.addEventListener("dragover", (event) => over(event, true));
  zone.addEventListener("dragleave", (event) => over(event, zone.contains(event.relatedTarget)));
  zone.addEventListener("drop", (event) => {
    over(event, false);
    [...event.dataTransfer.files].forEach(add);
  });
  return zone;
}

export default { render };
