/**
 * Keeps the end of a growing text in view for who is reading there, and leaves everybody else where they are.
 *
 * The end is followed while it is in view, but not so far that the first line leaves: a reader begins there. Who has gone
 * down to the end, past the first line, is taken along; who scrolls up is not, until they come back.
 */

/**
 * @param {HTMLElement} el  what grows
 * @param {AbortSignal} signal  ends it
 * @returns {(grow: () => void) => void}  does what makes it grow
 */
export function follower(el, signal) {
  /** @type {Element | null} */
  let scroller = null;
  let was = 0;
  let left = false;

  function scrolled() {
    if (scroller === null) return;
    const now = scroller.scrollTop;
    if (now < was) left = true;
    else if (now > was && seesEnd(scroller)) left = false;
    was = now;
  }

  const seesEnd = (/** @type {Element} */ box) => el.getBoundingClientRect().bottom <= bottomOf(box) + 1;

  return (grow) => {
    if (!scroller?.isConnected) {
      scroller?.removeEventListener("scroll", scrolled);
      scroller = scrollerOf(el);
      was = scroller?.scrollTop ?? 0;
      scroller?.addEventListener("scroll", scrolled, { signal, passive: true });
    }
    const follows = scroller !== null && !left && seesEnd(scroller);
    grow();
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

/** @param {Element} box */
const bottomOf = (box) => Math.min(box.getBoundingClientRect().bottom, innerHeight);

/** @param {Element} el */
function scrollerOf(el) {
  for (let box = el.parentElement; box !== null; box = box.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight) return box;
  }
  return null;
}
