// What one writes, as it will look: shown on request, and brought up to date a moment after each change.

const PREVIEW_DELAY_MS = 150;

/** The preview of a field; `ask` has the kernel read a text, and what it answers is given to `answer`. */
function previewOf(field, ask) {
  let key = 0;
  let asked = "";
  let timer = 0;
  const box = h("div", {
    class: "academics-text academics-preview",
    role: "region",
    "aria-label": trans.__("Preview"),
    tabindex: 0,
    hidden: true,
    "data-testid": "academics-preview",
  });
  const turn = () => {
    put(box, "hidden", !box.hidden);
    put(toggle, "aria-pressed", box.hidden ? "false" : "true");
    update();
  };
  const toggle = button(trans.__("Preview"), turn, {
    class: "academics-quiet",
    "aria-pressed": "false",
    title: trans.__("Show how the message will look"),
  });
  const update = () => {
    clearTimeout(timer);
    if (box.hidden) return;
    // An answer that is still under way is to another text.
    key += 1;
    if (!field.value.trim()) drawBody(box, trans.__("Nothing is written yet."));
    else timer = setTimeout(() => ask("preview", { key, text: (asked = field.value) }), PREVIEW_DELAY_MS);
  };
  field.addEventListener("input", update);
  return {
    box,
    toggle,
    update,
    answer: (message) => message.previewed === key && drawBody(box, asked, message.body),
  };
}
