/** The picker and the setup form: one widget, one reducer. */

/** @type {import("@anywidget/types").Render<{}>} */
function render({ el }) {
  el.textContent = "";
}

export default { render };
