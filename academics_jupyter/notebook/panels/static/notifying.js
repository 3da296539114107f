// Notifications by the browser, for who has asked for them with a click, of what comes while no panel is in sight.

const NOTIFY_KEY = "academics-notify";

function notifying(chat) {
  const told = h("span", { class: "academics-faint", role: "status", hidden: true });
  const toggle = button("", turn, { class: "academics-quiet" });
  const node = h("div", { class: "academics-notifying" }, toggle, " ", told);
  const stopWatching = watchSight(chat.el, (seen) => put(chat.el, "data-in-sight", seen));

  const isOn = () => window.Notification?.permission === "granted" && localStorage.getItem(NOTIFY_KEY) === "on";
  async function turn() {
    const on = !isOn();
    if (on && Notification.permission !== "granted") await Notification.requestPermission();
    localStorage.setItem(NOTIFY_KEY, on ? "on" : "off");
    say(told, on && !isOn() ? trans.__("Your browser does not allow it for this page.") : "");
    draw();
  }
  function draw() {
    // Browsers have them for pages that come by HTTPS, or from the same machine.
    put(node, "hidden", !window.Notification || !window.isSecureContext);
    put(toggle, "aria-pressed", isOn() ? "true" : "false");
    fill(toggle, isOn(), () => (isOn() ? trans.__("Notifications are on") : trans.__("Notify me of messages")));
  }
  function arrived({ arrived: { conversation, title, text } }) {
    if (!isOn() || document.querySelector(".academics-chat[data-in-sight]")) return;
    // Under one tag, what several panels of a page tell is told once.
    const notification = new Notification(plain(title), { body: plain(text), tag: `academics-${conversation}` });
    notification.onclick = () => {
      window.focus();
      notification.close();
      chat.open(conversation);
    };
  }
  draw();
  return { node, arrived, stop: stopWatching };
}
