/** The sheet that each question brings to the page: it keeps what it hears, and has the kernel's ear draw it. */

import { hearing, unsaved } from "./behind.js";

export default () => {
  /** @type {import("./live_view.js").Message[]} */
  const heard = [];
  return {
    /** @type {import("@anywidget/types").Initialize} */
    initialize({ model }) {
      hearing(model);
      unsaved(model);
      model.on("msg:custom", (/** @type {import("./live_view.js").Message} */ message) => {
        heard.push(message);
      });
    },
    /** @type {import("@anywidget/types").Render} */
    async render({ model, el, signal, host }) {
      const { exports } = await host.getWidget(model.get("ear"));
      /** @type {{show(page: import("./live.js").Page): void}} */ (exports).show({ model, el, signal, heard });
    },
  };
};
