// Runs in every frame of a page before anything else: keeps what came to be in outputs and could act, however short it was there.
(() => {
  const SHOWN = ".jp-OutputArea-output, .output_subarea, .output_markdown, .output_html, body > table, body > details, body > p, #cell";
  const ACTING = new Set(("script iframe frame frameset object embed applet portal link meta base style form button select textarea "
    + "img image picture source video audio track canvas svg math map area dialog template slot noscript marquee input "
    + "foreignobject use animate set feimage").split(" "));
  const ADDRESSES = new Set(("href xlink:href src srcset srcdoc action formaction poster data background cite longdesc ping "
    + "manifest codebase values usemap lowsrc dynsrc").split(" "));
  const WEB = /^(https?:\/\/|mailto:|#)/i;
  // In plain text JupyterLab itself makes links: of paths, and of whatever has a scheme and `://`.
  const PLAIN = ".jp-RenderedText";
  const found = new Map();
  const shown = new Set();
  const scripts = new Set();
  window.ran = (tag) => scripts.add(tag.source);
  const keep = (kind, what) => found.set(`${kind} ${what}`, (found.get(`${kind} ${what}`) ?? 0) + 1);
  // MathJax's own elements, JupyterLab's own view of JSON, the one button of our view, the fields of our panel.
  const OWN = "mjx-container, .jp-RenderedJSON, .jp-OutputPrompt, .xt-live .xt-live-stop, #cell";
  const own = (element) => element.closest(OWN);

  function look(element) {
    const name = element.localName.toLowerCase();
    const cut = element.outerHTML.slice(0, 300);
    const task = name === "input" && element.type === "checkbox" && element.disabled;
    if (ACTING.has(name) && !task && !own(element)) keep("element", cut);
    for (const { name: attribute, value } of element.attributes) {
      const scheme = value.replace(/[\u0000-\u0020\u007f-\u00a0]/g, "");
      if (attribute === "href") tags(value);
      if (attribute.startsWith("on") || attribute.startsWith("data-commandlinker")) keep("attribute", cut);
      const good = attribute === "href" && (element.closest(PLAIN) ? !/^(java|vb)script:/i.test(scheme) : WEB.test(scheme));
      if (ADDRESSES.has(attribute) && !good) keep("link", cut);
      if (attribute === "style" && /url\s*\(|image|@import|fixed|absolute/i.test(value) && !own(element)) keep("attribute", cut);
    }
    if (element.matches(".xt-live")) keep("drawn", "by our own widget");
    if (element.shadowRoot) all(element.shadowRoot);
  }

  function all(root) {
    if (root.nodeType === Node.TEXT_NODE) { characters(root); return; }
    if (!(root instanceof Element || root instanceof DocumentFragment)) return;
    if (root instanceof Element) look(root);
    for (const element of root.querySelectorAll("*")) look(element);
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) characters(text);
  }

  const tags = (text) => { for (const [tag] of text.matchAll(/ran[a-z0-9]+N\d+P[a-z]+S\d/g)) shown.add(tag); };

  function characters(text) {
    tags(text.data);
    const at = text.data.search(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    if (at >= 0) keep("control", JSON.stringify(text.data.slice(Math.max(at - 20, 0), at + 60)));
  }

  const inOutput = (node) => (node instanceof Element ? node : node.parentElement)?.closest(SHOWN);
  const watch = () => new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes" && inOutput(target)) look(target);
      if (type === "characterData" && inOutput(target)) characters(target);
      for (const node of addedNodes) {
        if (inOutput(node)) all(node);
        else if (node instanceof Element) for (const output of node.querySelectorAll(SHOWN)) all(output);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  watch();

  window.scanned = {
    take(selector) {
      for (const output of document.querySelectorAll(selector ?? SHOWN)) all(output);
      const ran = [...scripts].map((tag) => `script ${tag}`);
      const taken = [...ran, ...found.keys(), ...[...shown].map((tag) => `shown ${tag}`)];
      found.clear();
      shown.clear();
      return taken;
    },
  };
})();
