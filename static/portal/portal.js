// Live states, copying and searching. Every page works without this file.
"use strict";

const LIVE_EVERY = 2000;

// States of what is open are asked for every two seconds while the page is looked at.
// A cell [data-live="delivery:12"] is replaced by what the server draws for it.
function openCells() {
  return [...document.querySelectorAll('[data-live][data-open="1"]')];
}

async function refreshLive() {
  const url = document.querySelector("[data-live-url]")?.dataset.liveUrl;
  const keys = openCells().map((cell) => cell.dataset.live);
  if (!url || !keys.length || document.hidden) return;
  const answer = await fetch(`${url}?${new URLSearchParams({ of: keys.join(",") })}`, {
    headers: { Accept: "application/json" },
    credentials: "same-origin",
  });
  if (!answer.ok || answer.redirected) return;
  const drawn = await answer.json();
  for (const cell of openCells()) {
    const html = drawn[cell.dataset.live];
    if (html !== undefined && html !== cell.outerHTML) cell.outerHTML = html;
  }
}

// Once all of [data-settles] is settled, the rest of it follows: times, and what can be done.
async function settle() {
  const old = document.querySelector("[data-settles]");
  if (!old || openCells().length || old.querySelector(":focus:is(input, select, textarea)")) return;
  const page = await (await fetch(location.href, { credentials: "same-origin" })).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[data-settles]");
  if (fresh) old.replaceWith(fresh);
}

async function keepLive() {
  const waited = openCells().length;
  try {
    await refreshLive();
    if (waited) await settle();
  } catch {
    // The server restarts or the network is away: the next round tells.
  }
  if (openCells().length) setTimeout(keepLive, LIVE_EVERY);
}

// [data-search="#list"] hides the entries of a list that lack the words typed.
function search(input) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = document.querySelector(input.dataset.search);
  for (const group of list.querySelectorAll("section")) {
    let found = 0;
    for (const entry of group.querySelectorAll("li")) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
      found += entry.hidden ? 0 : 1;
    }
    group.hidden = found === 0;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1500);
}

// The theme writes a chosen file's name into the nearest text field, whatever that is
// for. Told that it has dealt with the input already, it leaves our fields alone.
function protectFields() {
  for (const input of document.querySelectorAll("input[type=file]")) {
    const around = input.parentNode.parentNode.parentNode;
    const nearest = around?.querySelector("input[type=text]");
    if (!nearest || nearest.name) input.hasChangeListener = true;
  }
}

// An iPad says that it is a Mac, but no Mac is touched: [data-if-touch] is followed.
function followIfTouched() {
  const link = document.querySelector("a[data-if-touch]");
  if (link && navigator.maxTouchPoints > 1) location.replace(link.href);
}

// On a phone the tabs are wider than the page: the open one is scrolled to.
function showOpenTab() {
  for (const tabs of document.querySelectorAll(".mp-tabs, .mp-kinds")) {
    const open = tabs.querySelector("[aria-current]");
    const show = () => { tabs.scrollLeft = open.offsetLeft - tabs.offsetLeft - 24; };
    if (open) document.fonts.ready.then(show); // which settle how wide the tabs are
  }
}

// The server shows times in the zone of who looks, from the next page on.
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || document.cookie.includes(`zone=${zone}`)) return;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
}

document.addEventListener("DOMContentLoaded", () => {
  tellZone();
  showOpenTab();
  document.documentElement.classList.add("mp-scripted");
  followIfTouched();
  protectFields();
  for (const input of document.querySelectorAll("[data-search]")) {
    input.hidden = false;
    input.addEventListener("input", () => search(input));
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", () => copy(button));
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
  if (openCells().length) setTimeout(keepLive, LIVE_EVERY);
});
