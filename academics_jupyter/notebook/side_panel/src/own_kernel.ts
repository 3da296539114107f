// The panel's own kernel: a session of its own kind on the server, which a page finds again after it was reloaded.

import { SessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { KernelSpec, ServiceManager } from "@jupyterlab/services";

import { Link } from "./link";
import { trans } from "./translating";

export const SESSION_PATH = "academics-side-panel";

/** What of the settings concerns the kernel. */
export interface KernelWishes {
  kernelName: string;
  profile: string;
}

/** Whether it runs on the server, started by this page, a former one, or another. */
export async function isRunning(services: ServiceManager.IManager): Promise<boolean> {
  await services.sessions.ready;
  await services.sessions.refreshRunning();
  return [...services.sessions.running()].some(({ path }) => path === SESSION_PATH);
}

/** A link that finds the kernel, or starts it. */
export function startOwn(
  services: ServiceManager.IManager,
  rendermime: IRenderMimeRegistry,
  wishes: KernelWishes,
): Link {
  const context = new SessionContext({
    kernelManager: services.kernels,
    sessionManager: services.sessions,
    specsManager: services.kernelspecs,
    path: SESSION_PATH,
    name: "Academics",
    type: "academics",
    kernelPreference: { shutdownOnDispose: false },
  });
  const link = new Link(context, rendermime, () => ({ own: true, profile: wishes.profile }));
  void open(link, context, services, wishes);
  return link;
}

async function open(
  link: Link,
  context: SessionContext,
  services: ServiceManager.IManager,
  wishes: KernelWishes,
): Promise<void> {
  await services.kernelspecs.ready;
  const name = pythonKernel(services.kernelspecs.specs, wishes.kernelName);
  context.kernelPreference = { ...context.kernelPreference, name, shouldStart: name !== undefined };
  try {
    await context.initialize();
  } catch (error) {
    console.error("Academics: the kernel could not be reached", error);
  }
  if (link.kernel !== null) await link.run();
  else if (name === undefined) link.enter({ name: "no-kernel" });
  else
    link.enter({
      name: "failed",
      why: trans.__("The kernel %1 did not start; the log of JupyterLab's server says why.", name),
    });
}

/** The kernel that is wished for, else the server's default one where that is Python's, else any of Python's. */
function pythonKernel(specs: KernelSpec.ISpecModels | null, wished: string): string | undefined {
  const known = specs?.kernelspecs ?? {};
  if (wished) return wished in known ? wished : undefined;
  const isPython = (name: string) => known[name]?.language === "python";
  return specs && isPython(specs.default) ? specs.default : Object.keys(known).find(isPython);
}
