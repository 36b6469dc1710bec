// The keys of a command: elements of arrays are added and taken away here. Without this
// file the server offers one empty element of each, and another after each try.
"use strict";

const CONTROLS = "input:not([type=hidden]), select, textarea, summary";

function enlivenKeys(root) {
  for (const hidden of root.querySelectorAll("[data-add], [data-remove], [data-tick], [data-line-for]")) {
    hidden.hidden = false;
  }
  // The theme writes a chosen file's name into the nearest text field: not into ours.
  for (const input of root.querySelectorAll("input[type=file]")) input.hasChangeListener = true;
}

// The blank has a mark where the number of the new element goes; blanks within it have
// marks of their own.
function addElement(several) {
  const blank = several.querySelector(":scope > template, :scope > div > template");
  const number = several.dataset.next++;
  const html = blank.innerHTML.replaceAll(several.dataset.mark, number);
  const list = several.querySelector("[data-elements]");
  list.insertAdjacentHTML("beforeend", html);
  const added = list.lastElementChild;
  enlivenKeys(added);
  added.querySelector(CONTROLS)?.focus();
  return added;
}

function removeElement(element) {
  const several = element.closest("[data-several]");
  element.remove();
  several.querySelector("[data-add]")?.focus();
}

function tickAll(button) {
  for (const box of button.closest("fieldset").querySelectorAll("[type=checkbox]")) {
    box.checked = Boolean(button.dataset.tick);
  }
}

function addLine(input) {
  const lines = document.getElementById(input.dataset.lineFor);
  const present = lines.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const line = input.value.trim();
  if (line && !present.includes(line)) lines.value = [...present, line].join("\n");
  input.value = "";
}

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("[data-keys]")) {
    enlivenKeys(form);
    form.addEventListener("click", (event) => {
      const button = event.target.closest("button[type=button]");
      if (!button) return;
      if ("add" in button.dataset) {
        const added = addElement(button.closest("[data-several]"));
        const box = added.matches(".mp-shape") && added.querySelector("[type=checkbox]");
        if (box) box.checked = true;
      } else if ("remove" in button.dataset) {
        removeElement(button.closest("[data-element]"));
      } else if ("tick" in button.dataset) {
        tickAll(button);
      }
    });
    form.addEventListener("change", (event) => {
      if (event.target.dataset.lineFor) addLine(event.target);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.dataset?.lineFor) return;
      event.preventDefault(); // adds a line, does not send the form
      addLine(event.target);
    });
  }
});
