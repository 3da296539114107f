// "Share with academics": puts files of the file browser, or the document of a tab, into the panel's Share part, where
// what was found in them is shown before anything is published.

import { Notification } from "@jupyterlab/apputils";
import type { Contents } from "@jupyterlab/services";

import { NoAnswer } from "./asking";
import { belowRoot, serverRoot } from "./files";
import type { Link } from "./link";
import { trans } from "./translating";
import { wordsFor } from "./words";

/** Offer paths of the contents for sharing, in the panel of a link that shows one or soon does. */
export async function offer(link: Link, contents: Contents.IManager, paths: string[]): Promise<void> {
  const below = paths.map((path) => belowRoot(contents, path));
  const found = below.filter((path) => path !== null);
  if (found.length < paths.length) {
    Notification.warning(trans.__("What lies on another drive than the server's own disk cannot be shared."), {
      autoClose: 8000,
    });
  }
  if (found.length === 0) return;
  try {
    await link.call("offer", { root: serverRoot(), paths: found });
  } catch (error) {
    const why = error instanceof NoAnswer ? wordsFor(error.phase).text : String(error);
    Notification.error(trans.__("Nothing was shared. %1", why));
  }
}
