/** The panel in the page: what is seen, what a person does with it, and where the focus is. */

import { patch } from "./patch.js";
import { view } from "./view.js";

/**
 * @typedef {import("./types.js").State} State
 * @typedef {import("./tree.js").Act} Act
 * @typedef {import("./patch.js").Drawn} Drawn
 */

const HEARD = /** @type {const} */ (["click", "input", "change", "focusout", "keydown"]);

/**
 * Make the panel's place in an element of the page; `signal` takes it away again.
 * @param {HTMLElement} el
 * @param {AbortSignal} signal
 */
export function place(el, signal) {
  const root = document.createElement("div");
  Object.assign(root, { className: "xt-panel", lang: "en", dir: "ltr" }); // whatever the page around it is
  el.append(root);
  signal.addEventListener("abort", () => root.remove());

  /** @param {boolean} clear */
  function key(clear) {
    const field = /** @type {HTMLInputElement | null} */ (root.querySelector("[data-secret]"));
    const held = field?.value ?? "";
    if (clear && field) field.value = "";
    return held;
  }

  /** @type {(state: State, focus: string[], byHand: boolean) => void} */
  function draw(state, focus, byHand) {
    const within = byHand || holdsFocus(root);
    patch(root, view(state), state.uid);
    if (within) refocus(root, state.uid, focus);
    if (byHand) root.querySelector(".xt-active")?.scrollIntoView({ block: "nearest" });
  }

  return { root, key, draw };
}

/**
 * Tell what a person does in the panel.
 *
 * Leaving a field may move what is below it: that is put off while the pointer is down, else its click would miss.
 * @param {Element} root
 * @param {AbortSignal} signal
 * @param {(act: Act, byHand: boolean) => void} tell
 */
export function listen(root, signal, tell) {
  let down = false;
  for (const type of ["pointerdown", "pointerup", "pointercancel"]) {
    addEventListener(type, () => (down = type === "pointerdown"), { signal, capture: true });
  }
  for (const type of HEARD) {
    root.addEventListener(
      type,
      (event) => {
        const act = actOf(event, root);
        if (act === null) return;
        const left = () => (down ? setTimeout(left, 50) : tell(act, false));
        if (type === "focusout")
          setTimeout(left); // what is drawn may take the focus away by itself
        else tell(act, true);
      },
      { signal },
    );
  }
  root.addEventListener("mousedown", (event) => keepsFocus(event) && event.preventDefault(), { signal });
}

/**
 * Return what an event of the page means: the innermost element that knows says so.
 *
 * Enter in a field is its form's, since JupyterLab keeps browsers from sending forms; while an input method composes,
 * Enter is that method's.
 * @param {globalThis.Event} event
 * @param {Element} root
 * @returns {Act | null}
 */
function actOf(event, root) {
  const target = /** @type {HTMLInputElement} */ (event.target);
  for (let node = /** @type {Drawn | null} */ (target); node && node !== root; node = node.parentElement) {
    const on = node.xt?.on ?? {};
    if (event instanceof KeyboardEvent) {
      const act = on.keydown?.[event.key];
      if (act === undefined || !isPlain(event) || (event.key === "Enter" && target.localName !== "input")) continue;
      event.preventDefault();
      return act;
    }
    const act = on[/** @type {"click"} */ (event.type)];
    if (act === undefined) continue;
    const stays = event instanceof FocusEvent && node.contains(/** @type {Node | null} */ (event.relatedTarget));
    return stays ? null : told(act, target);
  }
  return null;
}

/** @param {KeyboardEvent} event */
const isPlain = ({ isComposing, keyCode, shiftKey, ctrlKey }) =>
  !(isComposing || keyCode === 229 || shiftKey || ctrlKey);

/**
 * Add what a field says now; of a secret one, only whether it says anything.
 * @param {Act} act
 * @param {HTMLInputElement} field
 * @returns {Act}
 */
function told(act, field) {
  if (field.dataset.secret !== undefined) return { ...act, filled: field.value !== "" };
  const value = field.type === "checkbox" ? field.checked : field.value;
  return value === undefined ? act : { value, ...act };
}

/**
 * Move the focus to the first of these names that can have it; it never falls out of the panel, where keys are the
 * notebook's commands.
 * @param {Element} root
 * @param {string} uid
 * @param {string[]} names
 */
function refocus(root, uid, names) {
  for (const name of names) {
    const element = named(root, uid, name);
    element?.focus();
    if (element && element === focused(root)) return;
  }
  if (!holdsFocus(root)) named(root, uid, "status")?.focus();
}

/** @type {(root: Element, uid: string, name: string) => HTMLElement | null} */
const named = (root, uid, name) => root.querySelector(`#${CSS.escape(`${uid}-${name}`)}`);

/** @param {Element} root */
const focused = (root) => /** @type {Document | ShadowRoot} */ (root.getRootNode()).activeElement; // a host may wrap it

/** @param {Element} root */
const holdsFocus = (root) => root.contains(focused(root));

/** @param {globalThis.Event} event */
const keepsFocus = ({ target }) => target instanceof Element && target.closest("[data-keeps-focus]") !== null;
