// The language of the page: what the extension says goes through JupyterLab's translations, and so does what the panel
// says inside, which asks for it with an event, for it is within no extension's reach.

import { type ITranslator, nullTranslator } from "@jupyterlab/translation";

const DOMAIN = "academics-jupyter";
const ASKED_EVENT = "academics:translate";
/** The page fills the values in itself. */
const UNFILLED = ["%1", "%2", "%3", "%4", "%5"];

interface Asked {
  text: string;
  plural?: string;
  count?: number;
  translated?: string;
}

export let trans = nullTranslator.load(DOMAIN);

/** Speak the language of the page from now on, and answer the panels that ask. */
export function useTranslator(translator: ITranslator): void {
  trans = translator.load(DOMAIN);
  if (translator.languageCode === "en") return;
  document.addEventListener(ASKED_EVENT, (event) => {
    const asked = (event as CustomEvent<Asked>).detail;
    const { text, plural, count } = asked;
    asked.translated =
      plural === undefined || count === undefined
        ? trans.__(text, ...UNFILLED)
        : trans._n(text, plural, count, ...UNFILLED.slice(1));
  });
}
