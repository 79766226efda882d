/**
 * What stands behind anywidget's models in JupyterLab and Notebook: the page's own, which do more than those tell.
 *
 * All of it is private there; where it is missing, nothing is done.
 */

/** @typedef {import("@anywidget/types").AnyModel} Model */

/**
 * Leave nothing of a widget's class in the notebook: JupyterLab saves the state of all that live, where it is told to.
 * @param {Model} model
 */
export function unsaved(model) {
  for (const [id] of alike(model)) living(model)?.delete(id);
}

/**
 * Hear the kernel though the page was slow. anywidget (0.11) has each message wait until its widget is loaded, but gives
 * that two seconds, after which all that ever come are lost; so from now on they go past that wait.
 * @param {Model} model  of a widget that is loaded
 */
export function hearing(model) {
  for (const [, each] of alike(model)) {
    const waits = holder(each, "_handle_comm_msg");
    const hear = waits && Object.getPrototypeOf(waits)._handle_comm_msg;
    if (hear && each.comm?.on_msg) each.comm.on_msg((/** @type {unknown} */ message) => hear.call(each, message));
  }
}

/**
 * Return all living widgets of a widget's class, with their ids.
 * @param {Model} model
 * @returns {[string, any][]}
 */
function alike(model) {
  const ours = model.get("_anywidget_id");
  return [...(living(model) ?? [])].filter(([, each]) => each.get("_anywidget_id") === ours);
}

/** @type {(model: Model) => Map<string, any> | undefined} */
function living(model) {
  const living = /** @type {any} */ (model.widget_manager)?._modelsSync;
  return living instanceof Map ? living : undefined;
}

/** @type {(object: any, name: string) => any}  which object of a chain of prototypes has something itself */
function holder(object, name) {
  for (let at = object; at; at = Object.getPrototypeOf(at)) if (Object.hasOwn(at, name)) return at;
}
