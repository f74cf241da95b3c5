// Ties the player, the words and the scorecard of one interaction together. Pages come and go, so everything listens on the document.
(() => {
  "use strict";
  const player = () => document.querySelector("audio.mj-audio");
  const turn = (id) => document.getElementById("turn-" + id);
  let last = null;

  function flash(element, scroll) {
    if (!element) return;
    element.classList.remove("flash");
    void element.offsetWidth; // restarts the animation
    element.classList.add("flash");
    clearTimeout(element.mjFlash);
    element.mjFlash = setTimeout(() => element.classList.remove("flash"), 2000);
    if (scroll) element.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  function seek(ms, play) {
    const audio = player();
    if (!audio || Number.isNaN(ms)) return;
    const go = () => {
      audio.currentTime = ms / 1000;
      if (play) audio.play().catch(() => {}); // the browser may want a click first; the place is right anyway
    };
    if (audio.readyState >= 1) go();
    else audio.addEventListener("loadedmetadata", go, { once: true });
  }

  function showItem(id) {
    const item = document.getElementById("item-" + id);
    if (!item || item.offsetParent === null) {
      const tab = document.querySelector('.q-tab[role="tab"]');
      if (tab) tab.click(); // the scorecard is the first tab
    }
    setTimeout(() => flash(document.getElementById("item-" + id), true), item && item.offsetParent ? 0 : 350);
  }

  function activate(target) {
    const points = target.closest("[data-items]");
    if (points) {
      points.dataset.items.split(" ").forEach((id, n) => (n === 0 ? showItem(id) : flash(document.getElementById("item-" + id), false)));
      return true;
    }
    const place = target.closest("[data-turn]");
    if (place) {
      flash(turn(place.dataset.turn), true);
      seek(Number(place.dataset.at), true);
      return true;
    }
    const words = target.closest(".mj-turn");
    if (words) {
      seek(Number(words.dataset.start), true);
      return true;
    }
    if (target.closest("summary")) return false; // folds and unfolds
    const item = target.closest(".mj-item");
    if (item) {
      item.dataset.turns.split(" ").filter(Boolean).forEach((id, n) => flash(turn(id), n === 0));
      return true;
    }
    return false;
  }

  document.addEventListener("click", (e) => {
    if (e.target instanceof Element && !String(window.getSelection())) activate(e.target);
  });
  document.addEventListener("keydown", (e) => {
    const own = e.target instanceof Element && e.target.matches(".mj-turn, .mj-item, .mj-ev");
    if (own && (e.key === "Enter" || e.key === " ")) {
      e.preventDefault();
      activate(e.target);
    }
  });
  // Media events do not bubble, so they are caught on their way down.
  document.addEventListener("timeupdate", (e) => {
    if (!(e.target instanceof Element) || !e.target.matches("audio.mj-audio")) return;
    const ms = e.target.currentTime * 1000;
    const now = [...document.querySelectorAll(".mj-turn")].find((t) => ms >= Number(t.dataset.start) && ms < Number(t.dataset.end)) || null;
    if (now === last) return;
    if (last) last.classList.remove("playing");
    last = now;
    if (now) {
      now.classList.add("playing");
      const box = now.closest(".mj-words");
      // Only the box of words follows the voice, never the whole page.
      if (box && !e.target.paused && box.scrollHeight > box.clientHeight) box.scrollTo({ top: now.offsetTop - box.offsetTop - box.clientHeight / 3, behavior: "smooth" });
    }
  }, true);

  // Called when an interaction has been drawn: #turn=t6 leads to a turn, #item=apology to an item.
  function arrived() {
    const [kind, id] = decodeURIComponent(window.location.hash.slice(1)).split("=");
    if (kind === "turn" && id && turn(id)) {
      flash(turn(id), true);
      turn(id).classList.add("asked");
      seek(Number(turn(id).dataset.start), false);
    } else if (kind === "item" && id) showItem(id);
  }
  // From a chart: the turn of a point.
  function show(id) {
    if (!turn(id)) return;
    flash(turn(id), true);
    seek(Number(turn(id).dataset.start), true);
  }
  // From a finding: its place in the rule editor, which keeps its view on the component of this id.
  function toLine(id, line, column) {
    const view = getElement(id).editor;
    const at = view.state.doc.line(Math.min(line, view.state.doc.lines));
    const place = Math.min(at.from + Math.max(0, column - 1), at.to);
    view.dispatch({ selection: { anchor: place, head: at.to }, scrollIntoView: true });
    view.focus();
  }
  window.mingjian = { arrived, show, toLine };
})();
