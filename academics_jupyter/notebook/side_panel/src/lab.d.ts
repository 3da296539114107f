// What is used of two packages of JupyterLab's that would bring hundreds of others along, were they installed for types.

declare module "@jupyterlab/notebook" {
  import type { IWidgetTracker } from "@jupyterlab/apputils";
  import type { DocumentWidget } from "@jupyterlab/docregistry";
  import type { Token } from "@lumino/coreutils";

  export type INotebookTracker = IWidgetTracker<DocumentWidget>;
  export const INotebookTracker: Token<INotebookTracker>;
}

declare module "@jupyter-widgets/jupyterlab-manager" {
  import type { ISessionContext } from "@jupyterlab/apputils";
  import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
  import type { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
  import type { IDisposable } from "@lumino/disposable";

  export interface Manager {
    has_model(id: string): boolean;
    get_model(id: string): Promise<DOMWidgetModel>;
    create_view(model: DOMWidgetModel): Promise<DOMWidgetView>;
  }

  /** What a manager asks of the document around it. */
  export interface WidgetDocument {
    sessionContext: ISessionContext;
    model: object;
    saveState: object;
    urlResolver: object;
  }

  /** Gives every one of `renderers` the manager of the kernel: the one that a notebook has for it, or else a new one. */
  export function registerWidgetManager(
    context: WidgetDocument,
    rendermime: IRenderMimeRegistry,
    renderers: Iterable<{ manager: Manager }>,
  ): IDisposable;
}
