// Files on their way to the kernel: 1 MiB at a time, each chunk acknowledged before the next one is sent.

const CHUNK_BYTES = 1 << 20;
const BUSY_AFTER_MS = 5000;

/** Sends files one after the other. `show(upload)` is called whenever one has moved on. */
function uploader(ask, show) {
  const uploads = new Map();
  let running = Promise.resolve();

  function add(file) {
    const upload = newUpload(file.name, file.size);
    uploads.set(upload.key, upload);
    show(upload);
    running = running.then(() => send(upload, file));
  }
  async function send(upload, file) {
    if (upload.state === "cancelled") return;
    try {
      move(upload, { state: "sending" });
      let sent = await answered(upload, () => ask("begin", { upload: upload.key, name: file.name, size: file.size }));
      while (sent < file.size) {
        const chunk = await file.slice(sent, sent + CHUNK_BYTES).arrayBuffer();
        sent = await answered(upload, () => ask("chunk", { upload: upload.key, offset: sent }, [chunk]));
        move(upload, { sent });
      }
      move(upload, { state: "taking" });
      ask("finish", { upload: upload.key });
    } catch (error) {
      if (upload.state === "cancelled") return;
      if (error instanceof DOMException)
        fail(upload, trans.__("The browser cannot read it. Choose a changed file again; share a folder from the server’s disk."));
      else fail(upload, error.message);
    }
  }
  /** Wait for the kernel's answer to what `request` asks; said to be waiting when that takes long. */
  function answered(upload, request) {
    const slow = setTimeout(() => move(upload, { slow: true }), BUSY_AFTER_MS);
    return new Promise((resolve, reject) => {
      upload.answer = { resolve, reject };
      if (upload.state === "cancelled") reject(new Error("cancelled"));
      else request();
    }).finally(() => {
      clearTimeout(slow);
      upload.slow = false;
    });
  }
  function move(upload, changes) {
    if (upload.state === "cancelled") return;
    Object.assign(upload, changes);
    show(upload);
  }
  function fail(upload, error) {
    ask("drop", { upload: upload.key });
    move(upload, { state: "failed", error });
  }
  function cancel(upload) {
    ask("drop", { upload: upload.key });
    move(upload, { state: "cancelled" });
    upload.answer?.reject(new Error("cancelled"));
  }
  const replies = {
    received: (message) => uploads.get(message.received)?.answer?.resolve(message.bytes),
    taking: (message) => uploads.has(message.taking) && move(uploads.get(message.taking), { percent: message.percent }),
    shared: ({ shared, row, notice }) =>
      uploads.has(shared) && move(uploads.get(shared), { state: "shared", row, notice }),
    failed: (message) => {
      const upload = uploads.get(message.failed);
      if (!upload) return;
      upload.answer?.reject(new Error(message.error));
      fail(upload, message.error);
    },
  };
  return { add, all: () => uploads.values(), cancel, forget: (upload) => uploads.delete(upload.key), replies };
}

function newUpload(name, size) {
  const key = newKey();
  const nothingYet = { sent: 0, percent: 0, slow: false, error: "", notice: "", row: null, answer: null };
  return { key, name, size, state: "waiting", ...nothingYet };
}

function newKey() {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
