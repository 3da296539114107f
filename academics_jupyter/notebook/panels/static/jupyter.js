// JupyterLab or Notebook 7 around the panel: which files their server has, and opening one of them there.
// Elsewhere, as in VS Code, there is no such server, and nothing here finds one.

const MAX_OPEN_BYTES = 50e6;
const serverHas = new Map();

function jupyterConfig() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
  } catch {
    return {};
  }
}

/** A file's path below the server's root; null where it lies elsewhere, or there is no way to open it. */
function serverPath(model, path, home) {
  const root = jupyterConfig().serverRoot;
  if (!root || !path || !model.widget_manager?.rendermime?.linkHandler?.handleLink) return null;
  const slashes = (text) => text.replaceAll("\\", "/").replace(/\/+$/, "");
  const whole = slashes(root.startsWith("~") ? home + root.slice(1) : root);
  const asked = slashes(path);
  return asked.startsWith(`${whole}/`) ? asked.slice(whole.length + 1) : null;
}

/** Whether the server shows a file as we know it; the kernel may run on another machine, or the file be hidden. */
function canOpen(model, path, sizeBytes, home) {
  const below = serverPath(model, path, home);
  if (below === null || sizeBytes > MAX_OPEN_BYTES) return Promise.resolve(false);
  if (!serverHas.has(path)) serverHas.set(path, askServer(below, sizeBytes));
  return serverHas.get(path);
}

async function askServer(below, sizeBytes) {
  const address = below.split("/").map(encodeURIComponent).join("/");
  try {
    const answer = await fetch(`${jupyterConfig().baseUrl ?? "/"}api/contents/${address}?content=0`);
    return answer.ok && (await answer.json()).size === sizeBytes;
  } catch {
    return false;
  }
}

/** Open a file as a link in a notebook's text would: in a tab, by the viewer that Jupyter has for it. */
function openInJupyter(model, path, home) {
  const link = h("a", { class: "academics-unseen" });
  model.widget_manager.rendermime.linkHandler.handleLink(link, serverPath(model, path, home), "");
  document.body.append(link);
  link.click();
  link.remove();
}
