// What the panel says while there is nothing to draw, and what helps. Plain text all of it: parts come from a kernel.

import { trans } from "./translating";

/** What a kernel is at, as far as the panel is concerned. */
export type Phase =
  | { name: "off" }
  | { name: "starting" }
  | { name: "drawing" }
  | { name: "busy" }
  | { name: "shown" }
  | { name: "lost" }
  | { name: "restarting" }
  | { name: "ended" }
  | { name: "no-kernel" }
  | { name: "not-installed"; python: string }
  | { name: "too-old"; python: string }
  | { name: "failed"; why: string };

export interface Words {
  /** What happened. */
  text: string;
  /** A command that helps, to be copied. */
  command?: string;
  /** What the button says that tries again; none where the panel goes on by itself. */
  again?: string;
}

const NOTHING: Words = { text: "" };

export function wordsFor(phase: Phase): Words {
  switch (phase.name) {
    case "off":
      return { text: trans.__("The Academics kernel is not running: you are offline."), again: trans.__("Start it") };
    case "starting":
      return { text: trans.__("Starting the Academics kernel…") };
    case "drawing":
      return { text: trans.__("Opening your profile…") };
    case "busy":
      return { text: trans.__("This kernel is computing. The panel appears when its cell has ended.") };
    case "lost":
      return { text: trans.__("The connection to the kernel is lost. It is being tried again.") };
    case "restarting":
      return { text: trans.__("This kernel is restarting. The panel comes back by itself.") };
    case "ended":
      return { text: trans.__("This kernel has ended."), again: trans.__("Start it again") };
    case "no-kernel":
      return {
        text: trans.__(
          "No Python kernel was found that the panel could run in. Install one, or name one in the settings.",
        ),
        command: "python -m pip install ipykernel",
        again: trans.__("Try again"),
      };
    case "not-installed":
      return {
        text: trans.__("academics-jupyter is not installed for this kernel. Install it there, and try again:"),
        command: `${phase.python} -m pip install academics-jupyter`,
        again: trans.__("Try again"),
      };
    case "too-old":
      return {
        text: trans.__(
          "The academics-jupyter of this kernel knows no side panel yet. Upgrade it, restart the kernel, and try again:",
        ),
        command: `${phase.python} -m pip install --upgrade academics-jupyter`,
        again: trans.__("Try again"),
      };
    case "failed":
      return { text: phase.why, again: trans.__("Try again") };
    case "shown":
      return NOTHING;
  }
}
