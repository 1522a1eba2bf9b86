/* Puts a hosted form on a page of yours:
     <script src="https://my.example.com/static/amana.js" data-form="web_signup" data-lang="en" defer></script>
   With data-open="#button" the form opens in a dialog when that element is pressed; otherwise it stands where the script
   does. It fails closed: if the form cannot be loaded nothing is shown, nothing is collected and nothing is remembered.
   A refused or closed dialog does not come back by itself: only a press opens it. */
(() => {
  "use strict";
  const script = document.currentScript;
  const name = script && script.dataset.form;
  if (!name) return;
  const site = new URL(script.src).origin;
  const language = script.dataset.lang || document.documentElement.lang.split("-")[0];
  const make = () => {
    const frame = document.createElement("iframe");
    frame.src = `${site}/f/${encodeURIComponent(name)}/embed?lang=${encodeURIComponent(language)}`;
    frame.title = script.dataset.title || name;
    frame.referrerPolicy = "no-referrer";
    frame.setAttribute("sandbox", "allow-forms allow-downloads allow-popups allow-same-origin");
    frame.style.cssText = "display:block;inline-size:100%;block-size:38rem;border:0;color-scheme:light dark";
    return frame;
  };
  const reachable = () => fetch(`${site}/static/amana.css`, { mode: "no-cors", credentials: "omit" });
  const opener = script.dataset.open && document.querySelector(script.dataset.open);
  if (!script.dataset.open) {
    const place = () => (script.closest("head") ? document.body.append(make()) : script.after(make()));
    reachable().then(place, () => {});
    return;
  }
  if (!opener) return;
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    const dialog = document.createElement("dialog");
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", script.dataset.close || "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.style.cssText = "inline-size:min(46rem,96vw);max-block-size:94vh;padding:.5rem;border:1px solid;border-radius:.5rem";
    dialog.append(close, make());
    dialog.addEventListener("close", () => { dialog.remove(); opener.focus(); });
    reachable().then(() => { document.body.append(dialog); dialog.showModal(); }, () => {});
  });
})();
