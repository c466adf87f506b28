// Keeps an open page honest: connection state, moving ages, focus across swaps, the confirmation dialog.
(() => {
  "use strict";

  const RECONNECT_MS = 1500;
  const HTMX_RECONNECTS = [1006, 1011, 1012, 1013];
  let failures = 0;

  function show(state) {
    const badge = document.getElementById("live");
    if (!badge || badge.dataset.state === state) return;
    badge.dataset.state = state;
    badge.textContent = state;
    document.body.classList.toggle("is-stale", state === "reconnecting");
  }

  document.addEventListener("htmx:wsOpen", () => {
    failures = 0;
    show("live");
  });

  document.addEventListener("htmx:wsClose", (event) => {
    show("reconnecting");
    failures += 1;
    if (failures % 4 === 0) leaveWhenLoggedOut();
    // htmx retries after abnormal closes only; a server that stops politely comes back too.
    if (!HTMX_RECONNECTS.includes(event.detail.event.code)) {
      setTimeout(() => event.detail.socketWrapper.reconnect(), RECONNECT_MS);
    }
  });

  async function leaveWhenLoggedOut() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual" });
      if (answer.type === "opaqueredirect") location.reload();
    } catch {
      // the server is away; the socket keeps trying
    }
  }

  // A swap replaces elements: focus returns to the one with the same id, changed figures light up.
  let focused = "";
  let figures = new Map();

  function remember() {
    focused = document.activeElement ? document.activeElement.id : "";
    figures = new Map(
      [...document.querySelectorAll("[data-flash]")].map((cell) => [cell.dataset.flash, cell.dataset.value]),
    );
  }

  function restore() {
    const element = focused && document.getElementById(focused);
    if (element && document.activeElement !== element) element.focus({ preventScroll: true });
    for (const cell of document.querySelectorAll("[data-flash]")) {
      const before = Number.parseFloat(figures.get(cell.dataset.flash));
      const after = Number.parseFloat(cell.dataset.value);
      if (before < after) cell.classList.add("rose");
      if (before > after) cell.classList.add("fell");
    }
    tick();
  }

  document.addEventListener("htmx:wsBeforeMessage", remember);
  document.addEventListener("htmx:wsAfterMessage", restore);
  document.addEventListener("htmx:beforeSwap", remember);
  document.addEventListener("htmx:afterSettle", restore);

  // Same units as the server's `age`.
  function age(seconds) {
    if (seconds < 120) return `${seconds}\u00a0s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)}\u00a0min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
    return `${Math.round(seconds / 86400)}\u00a0d`;
  }

  function tick() {
    const now = Date.now() + clockSkew;
    for (const element of document.querySelectorAll("time[data-age]")) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      const text = age(Math.max(0, Math.floor((now - at) / 1000)));
      if (element.textContent !== text) element.textContent = text;
    }
  }

  // Ages are the server's: a browser clock that is wrong must not make a healthy platform look dead.
  const rendered = Date.parse(document.documentElement.dataset.now || "");
  const clockSkew = Number.isNaN(rendered) ? 0 : rendered - Date.now();
  setInterval(tick, 1000);

  const dialog = () => document.getElementById("dialog");

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target && event.detail.target.id === "dialog" && !dialog().open) {
      dialog().showModal();
      const field = dialog().querySelector("[autofocus]");
      if (field) field.focus();
    }
  });

  document.addEventListener("click", (event) => {
    if (!dialog()) return;
    const isCancel = event.target.closest("[data-cancel]");
    if ((isCancel && dialog().open) || event.target === dialog()) {
      event.preventDefault();
      dialog().close();
    }
  });
})();
