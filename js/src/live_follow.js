/**
 * Keeps the end of a growing text in view for who is reading there, and leaves everybody else where they are.
 *
 * The end is followed while it is in view, but not so far that the first line leaves: a reader begins there. Who has gone
 * down to the end, past the first line, is taken along; who scrolls up is not, until they come back.
 */

const AFTERWARDS = 1000; // ms in which the output that stays has been drawn

/**
 * @param {HTMLElement} el  what grows
 * @param {AbortSignal} signal  ends it
 * @returns {(grow: () => void) => void}  does what makes it grow
 */
export function follower(el, signal) {
  /** @type {Element | null} */
  let scroller = null;
  /** @type {(() => void) | undefined} keeps the cell as high as it is */
  let hold;
  let was = 0;
  let left = false;

  const seesEnd = (/** @type {Element} */ box) => el.getBoundingClientRect().bottom <= bottomOf(box) + 1;

  function scrolled() {
    if (scroller === null || !el.isConnected) return;
    const now = scroller.scrollTop;
    if (now < was) left = true;
    else if (now > was && seesEnd(scroller)) left = false;
    was = now;
  }

  function settle() {
    scroller?.removeEventListener("scroll", scrolled);
    scroller = scrollerOf(el);
    was = scroller?.scrollTop ?? 0;
    scroller?.addEventListener("scroll", scrolled, { signal, passive: true });
  }

  signal.addEventListener("abort", () => hold?.());

  return (grow) => {
    if (!el.isConnected) {
      grow(); // what stays is being put in its place: a look at the layout now would have the page scroll up
      return;
    }
    if (!scroller?.isConnected) settle();
    const follows = scroller !== null && !left && seesEnd(scroller);
    grow();
    hold = holder(el);
    if (scroller === null || !follows) return;
    const { top, bottom } = el.getBoundingClientRect();
    const beyond = bottom - bottomOf(scroller);
    const room = top - scroller.getBoundingClientRect().top;
    const step = room >= 0 ? Math.min(beyond, room) : beyond;
    if (step > 0) {
      scroller.scrollTop += step;
      was = scroller.scrollTop;
    }
  };
}

/**
 * Measure a cell, to keep it as high as it is until its next output is drawn. Notebook 7 looks how high outputs are when
 * one changes; it would find an empty one, and the page would scroll up.
 * @param {Element} el
 */
function holder(el) {
  /** @type {HTMLElement | null} */
  const cell = el.closest(".jp-Cell");
  const output = el.closest(".jp-OutputArea");
  if (cell === null || output === null) return undefined;
  const height = `${cell.offsetHeight}px`;
  const drawn = 0.9 * output.scrollHeight;
  return () => {
    const until = performance.now() + AFTERWARDS;
    const look = () => {
      const over = output.scrollHeight >= drawn || performance.now() > until;
      cell.style.minHeight = over ? "" : height;
      if (!over) requestAnimationFrame(look);
    };
    cell.style.minHeight = height;
    requestAnimationFrame(look);
  };
}

/** @param {Element} box */
const bottomOf = (box) => Math.min(box.getBoundingClientRect().bottom, innerHeight);

/** @param {Element} el */
function scrollerOf(el) {
  for (let box = el.parentElement; box !== null; box = box.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight) return box;
  }
  return null;
}
