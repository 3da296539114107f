// `%academics sidebar` in a notebook: its output asks for the side panel, once.

import type { IRenderMime } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";

import { trans } from "./translating";

export const ASKING_TYPE = "application/vnd.academics.side-panel+json";
const ANSWERED_KEY = "academics-side-panel-answered";
const MAX_ANSWERED = 50;

interface Request {
  kernel?: string;
  /** Tells one asking from another: an output is drawn again when its notebook is. */
  asked?: string;
}

class Asked extends Widget implements IRenderMime.IRenderer {
  constructor(private answer: (kernel: string) => boolean) {
    super();
    this.addClass("academics-lab-asked");
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { kernel = "", asked = "" } = (model.data[ASKING_TYPE] ?? {}) as Request;
    const show = document.createElement("button");
    show.type = "button";
    show.className = "jp-Button jp-mod-styled";
    show.textContent = trans.__("Show the panel");
    show.addEventListener("click", () => this.tell(this.answer(kernel)));
    const told = document.createElement("span");
    told.setAttribute("role", "status");
    this.node.replaceChildren(told, show);
    this.tell(isNew(asked) ? this.answer(kernel) : true);
  }

  private tell(found: boolean): void {
    const told = this.node.querySelector("span");
    if (told === null) return;
    told.textContent = found
      ? trans.__("The Academics panel is in the side bar on the left.")
      : trans.__("The notebook's kernel has been changed since: run the cell again.");
  }
}

/** Whether this was not asked before, in this browser; from now on it was. */
function isNew(asked: string): boolean {
  const answered = (localStorage.getItem(ANSWERED_KEY) ?? "").split(" ");
  if (asked === "" || answered.includes(asked)) return false;
  localStorage.setItem(ANSWERED_KEY, [...answered, asked].slice(-MAX_ANSWERED).join(" "));
  return true;
}

/** `answer` shows the panel on the kernel with an id, and says whether an open notebook has it. */
export function askedForFactory(answer: (kernel: string) => boolean): IRenderMime.IRendererFactory {
  return { safe: false, mimeTypes: [ASKING_TYPE], defaultRank: 0, createRenderer: () => new Asked(answer) };
}
