// Showing a file in Jupyter's file browser: an extension that can do so takes the event; else the path is copied.

/** `home` is what `~` stands for where the kernel runs, as Jupyter may name its root so. */
function revealButton(path, name, home) {
  const told = h("span", { class: "academics-faint", role: "status", hidden: true });
  const reveal = async () => {
    const event = new CustomEvent("academics:reveal", { bubbles: true, cancelable: true, detail: { path, home } });
    if (!node.dispatchEvent(event)) return;
    const isCopied = await copyText(path);
    say(told, isCopied ? trans.__("No file browser here: its path is copied.") : trans.__("No file browser here."));
    setTimeout(() => say(told, ""), 6000);
  };
  const node = button(trans.__("Reveal"), reveal, {
    class: "academics-quiet",
    title: trans.__("Show it in the file browser"),
    "aria-label": trans.__("Reveal %1 in the file browser", name),
    "data-testid": "academics-reveal",
  });
  return [node, told];
}

/** Whether the browser let the text be copied. */
async function copyText(text) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyFromField(text);
    return true;
  } catch {
    return false;
  }
}
