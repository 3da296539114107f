// Drawing a kernel's widgets with no notebook around them.

import { registerWidgetManager, type Manager, type WidgetDocument } from "@jupyter-widgets/jupyterlab-manager";
import type { DOMWidgetModel } from "@jupyter-widgets/base";
import type { ISessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { Signal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

import { trans } from "./translating";

const LOOK_MS = 50;
const KNOWN_WITHIN_MS = 20_000;

/** A widget on the page, and the model that it draws. */
export interface Drawn {
  widget: Widget;
  model: DOMWidgetModel;
}

/** Draw the widget whose model has this id. */
export async function drawWidget(manager: Manager, id: string): Promise<Drawn> {
  // A notebook's manager has a connection of its own, on which the news of the model may be under way still.
  const until = Date.now() + KNOWN_WITHIN_MS;
  while (!manager.has_model(id)) {
    if (Date.now() > until) throw new Error(trans.__("The kernel's panel did not arrive."));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const model = await manager.get_model(id);
  return { widget: (await manager.create_view(model)).luminoWidget, model };
}

/**
 * The manager of the session's kernel, which must be there before the kernel makes widgets. It is never disposed: it is
 * the page's for this kernel, for notebooks too, and goes when the connection does.
 */
export function managerOf(sessionContext: ISessionContext, rendermime: IRenderMimeRegistry): Promise<Manager> {
  return new Promise((resolve) => {
    const taker = {
      set manager(manager: Manager) {
        resolve(manager);
      },
    };
    registerWidgetManager(documentOf(sessionContext), rendermime.clone(), [taker]);
  });
}

/** What a manager asks of the document around it; there is none. */
function documentOf(sessionContext: ISessionContext): WidgetDocument {
  const owner = {};
  return {
    sessionContext,
    model: { getMetadata: () => undefined, setMetadata: () => undefined, dirty: false },
    saveState: new Signal(owner),
    urlResolver: { resolveUrl: async (url: string) => url, getDownloadUrl: async (url: string) => url },
  };
}
