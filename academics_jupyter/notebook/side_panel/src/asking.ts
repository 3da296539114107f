// Asking a kernel for the panel: an expression beside an empty cell, which leaves nothing in its names or its history.

import type { Kernel } from "@jupyterlab/services";

import { trans } from "./translating";
import type { Phase } from "./words";

const ENTRY = "__import__('academics_jupyter.notebook.side_panel_entry', fromlist=['show'])";
const MAX_ABORTED = 20;
const ABORTED_PAUSE_MS = 250;

export type Answer = Record<string, unknown>;

/** Why a kernel gave no answer, as the panel then says it. */
export class NoAnswer extends Error {
  constructor(readonly phase: Phase) {
    super(phase.name);
  }
}

interface Outcome {
  status: string;
  data?: Record<string, unknown>;
  ename?: string;
  evalue?: string;
}

/** Call a function of the entry module in the kernel, with JSON as its arguments. Throws NoAnswer. */
export async function ask(kernel: Kernel.IKernelConnection, name: string, given: object): Promise<Answer> {
  const call = `${ENTRY}.answer(${JSON.stringify(name)}, ${JSON.stringify(JSON.stringify(given))})`;
  for (let aborted = 0; aborted < MAX_ABORTED; aborted++) {
    const future = kernel.requestExecute({
      code: "",
      store_history: false,
      stop_on_error: false,
      allow_stdin: false,
      user_expressions: { answer: call, python: "__import__('sys').executable" },
    });
    const { content } = await future.done;
    if (content.status === "ok") {
      const outcomes = content.user_expressions as unknown as Record<string, Outcome | undefined>;
      return answerOf(outcomes.answer, textOf(outcomes.python));
    }
    if (content.status === "error")
      throw new NoAnswer({ name: "failed", why: trans.__("The kernel refused: %1", content.evalue) });
    // A cell before it has failed, and the kernel drops what was queued behind.
    await new Promise((resolve) => setTimeout(resolve, ABORTED_PAUSE_MS));
  }
  throw new NoAnswer({
    name: "failed",
    why: trans.__("The kernel drops what it is asked. Restart it, and try again."),
  });
}

function answerOf(outcome: Outcome | undefined, python: string): Answer {
  if (outcome?.status === "ok") return (outcome.data?.["application/json"] ?? {}) as Answer;
  if (outcome === undefined)
    throw new NoAnswer({ name: "failed", why: trans.__("This kernel is not one of Python's.") });
  const why = outcome.evalue ?? "";
  if (outcome.ename === "ModuleNotFoundError" && why.includes("side_panel_entry"))
    throw new NoAnswer({ name: "too-old", python });
  if (outcome.ename === "ModuleNotFoundError" && why.includes("academics"))
    throw new NoAnswer({ name: "not-installed", python });
  throw new NoAnswer({ name: "failed", why: why || trans.__("The panel could not be opened (%1).", outcome.ename) });
}

/** A string that the kernel shows as Python writes it, between quotation marks. */
function textOf(outcome: Outcome | undefined): string {
  const shown = String(outcome?.data?.["text/plain"] ?? "");
  return shown.replace(/^(['"])(.*)\1$/s, "$2").replaceAll("\\\\", "\\") || "python";
}
