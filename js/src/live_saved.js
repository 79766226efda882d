/** What is not to be saved. */

/**
 * Leave nothing of a widget's class in the notebook: JupyterLab saves the state of all that live, where it is told to.
 * @param {import("@anywidget/types").AnyModel} model
 */
export function unsaved(model) {
  /** @type {unknown} */
  const saved = /** @type {any} */ (model.widget_manager)?._modelsSync;
  if (!(saved instanceof Map)) return;
  const ours = model.get("_anywidget_id");
  for (const [id, each] of saved) if (each.get("_anywidget_id") === ours) saved.delete(id);
}
