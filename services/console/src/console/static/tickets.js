// Lets clocks run by the second and plays moments of recordings. Pages come and go, so everything is looked up when it is needed.
(() => {
  "use strict";
  const TONES = ["good", "watch", "warn", "bad"];
  const told = document.querySelector('meta[name="mj-now"]');
  const skew = told ? Date.now() - Number(told.content) : 0;
  const two = (n) => String(n).padStart(2, "0");

  // As counted() in domain/deadlines.py.
  function words(left) {
    const s = Math.floor(Math.abs(left)), days = Math.floor(s / 86400), hours = Math.floor(s / 3600) % 24, rest = two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
    return (left >= 0 ? "剩 " : "超时 ") + (days ? days + " 天 " + two(hours) : hours) + ":" + rest;
  }

  function tick() {
    const now = (Date.now() - skew) / 1000;
    for (const e of document.querySelectorAll("[data-left]")) {
      const from = Number(e.dataset.from), to = Number(e.dataset.to), allowed = Number(e.dataset.allowed);
      const left = Number(e.dataset.left) - (Math.min(Math.max(now, from), to) - from), share = 1 - left / allowed, said = words(left);
      // The text node stays: the page framework knows it.
      if (e.firstChild && e.firstChild.nodeType === 3) e.firstChild.nodeValue = said;
      else e.textContent = said;
      const tone = left < 0 ? "bad" : share > 0.75 ? "warn" : share > 0.5 ? "watch" : "good";
      const holder = e.closest(".mj-timed");
      for (const one of holder ? [e, holder] : [e]) for (const t of TONES) one.classList.toggle(t, t === tone);
      if (holder) holder.style.setProperty("--share", Math.min(1, Math.max(0, share)).toFixed(4));
      e.classList.toggle("idle", now < from || now >= to);
    }
  }
  setInterval(tick, 1000);
  document.addEventListener("DOMContentLoaded", tick);

  // <button data-clip="/audio/…" data-from-ms data-to-ms>: plays from there to there in the page's one player.
  let end = Infinity, on = null;
  function stopped() {
    if (on) on.classList.remove("on");
    on = null;
  }
  document.addEventListener("click", (e) => {
    const button = e.target instanceof Element && e.target.closest("[data-clip]");
    const audio = document.querySelector("audio.mj-clip");
    if (!button || !audio) return;
    if (button === on) {
      audio.pause();
      return;
    }
    stopped();
    on = button;
    on.classList.add("on");
    end = Number(button.dataset.toMs) / 1000;
    const begin = Number(button.dataset.fromMs) / 1000;
    const go = () => {
      audio.currentTime = begin;
      audio.play().catch(stopped);
    };
    if (audio.getAttribute("src") === button.dataset.clip && audio.readyState >= 1) go();
    else {
      audio.addEventListener("loadedmetadata", go, { once: true });
      audio.setAttribute("src", button.dataset.clip);
      audio.load();
    }
  });
  // Media events do not bubble, so they are caught on their way down.
  document.addEventListener("timeupdate", (e) => {
    if (e.target instanceof Element && e.target.matches("audio.mj-clip") && e.target.currentTime >= end) e.target.pause();
  }, true);
  for (const name of ["pause", "error"]) {
    document.addEventListener(name, (e) => {
      if (e.target instanceof Element && e.target.matches("audio.mj-clip")) stopped();
    }, true);
  }
})();
