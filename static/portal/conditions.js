// Conditions of a group, live: rows are added and taken away here, and who meets them is
// counted as they change. Without this file the form's buttons do it, page by page.
"use strict";

const COUNT_AFTER = 400;

// The value is asked for where the operator takes one.
function follow(row) {
  const chosen = row.querySelector("[name=condition_operator]").selectedOptions[0];
  const value = row.querySelector("[name=condition_value]");
  value.classList.toggle("is-not-asked", "alone" in chosen.dataset);
  if (value.tagName === "INPUT") value.placeholder = chosen.dataset.hint;
}

async function addRow(editor) {
  const field = editor.querySelector("[name=new_field]").value;
  const url = `${editor.dataset.rowUrl}?${new URLSearchParams({ field })}`;
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error(`answered ${answer.status}`);
  const list = editor.querySelector("ol");
  list.insertAdjacentHTML("beforeend", await answer.text());
  list.lastElementChild.querySelector("[name=condition_operator]").focus();
}

// Answers may come in another order than they were asked for: the last question counts.
function counter(editor) {
  const shown = editor.querySelector("[data-count]");
  let timer = 0;
  let asked = 0;

  async function count() {
    const question = ++asked;
    const named = editor.querySelectorAll("[name=match], li [name^=condition_]");
    const values = [...named].map((input) => [input.name, input.value]);
    const url = `${editor.dataset.countUrl}?${new URLSearchParams(values)}`;
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected || question !== asked) return;
      shown.textContent = (await answer.json()).text;
      shown.hidden = false;
    } catch {
      shown.hidden = true; // the server is away: saving will tell
    }
  }

  return () => {
    clearTimeout(timer);
    timer = 0;
    asked++;
    if (!editor.dataset.countUrl) return;
    if (!editor.querySelector("li")) shown.hidden = true;
    else timer = setTimeout(count, COUNT_AFTER);
  };
}

function enliven(editor) {
  const recount = counter(editor);
  editor.addEventListener("input", recount);
  editor.addEventListener("change", (event) => {
    const row = event.target.closest("li");
    if (row && event.target.name === "condition_operator") follow(row);
    recount();
  });
  editor.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.name === "remove_condition") {
      event.preventDefault();
      button.closest("li").remove();
      recount();
    } else if (button?.name === "add_condition") {
      event.preventDefault();
      addRow(editor).then(recount, () => button.form.requestSubmit(button));
    }
  });
  recount();
}

document.addEventListener("DOMContentLoaded", () => {
  for (const editor of document.querySelectorAll("[data-conditions]")) enliven(editor);
});
