// Moving through a long conversation: more is asked for before one gets there, and what one reads stays where it is.

const NEAR_END_PX = 60;
const AHEAD_PX = 400;

/** `state` has the thread, and whether there is something earlier and later; `ask` is told which is wanted. */
function scrollingOf(scroller, messages, state, ask) {
  let asked = null;
  let wasLater = false;
  let follows = false;

  scroller.addEventListener("scroll", () => {
    // Once for what is here: the answer takes a while.
    if (state.thread === asked) return;
    const wanted = state.earlier && scroller.scrollTop < AHEAD_PX ? "earlier" : state.later && below() < AHEAD_PX ? "later" : "";
    if (!wanted) return;
    asked = state.thread;
    ask(wanted);
  });
  function below() {
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  }
  /** Be at the end, once the latest messages are here. */
  function toEnd() {
    follows = state.later;
    if (!follows) scroller.scrollTop = scroller.scrollHeight;
  }
  /** Call it before messages come and go, and what it returns afterwards. */
  function hold() {
    const isAtEnd = !wasLater && below() < NEAR_END_PX;
    wasLater = state.later;
    if (isAtEnd || follows) return () => !state.later && toEnd();
    const { top } = scroller.getBoundingClientRect();
    const held = [...messages.children].find((node) => node.getBoundingClientRect().bottom > top);
    const before = held?.getBoundingClientRect().top;
    return () => {
      if (held?.isConnected) scroller.scrollTop += held.getBoundingClientRect().top - before;
    };
  }
  return { hold, toEnd };
}
