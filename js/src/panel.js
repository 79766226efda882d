/** The picker and the setup form: one widget, one reducer. */

import { hearing } from "./behind.js";
import { live } from "./edge.js";
import { listen, place } from "./page.js";

export default {
  /** @type {import("@anywidget/types").Initialize<{}>} */
  initialize({ model }) {
    hearing(model);
  },
  /** @type {import("@anywidget/types").Render<{}>} */
  render({ model, el, signal }) {
    const page = place(el, signal);
    listen(page.root, signal, live({ model, signal, page }));
  },
};
