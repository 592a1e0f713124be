"use strict";
const filter = document.querySelector(".filter");
const claims = [...document.querySelectorAll(".claims tbody tr")];

function show() {
  const { verdict, whose, words } = Object.fromEntries(new FormData(filter));
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of claims) {
    const text = row.textContent.toLowerCase();
    const is = (key, value) => !value || row.dataset[key] === value;
    row.hidden = !(is("verdict", verdict) && is("whose", whose) && wanted.every((word) => text.includes(word)));
  }
  const shown = claims.filter((row) => !row.hidden).length;
  filter.querySelector("output").value = `${shown} of ${claims.length} claims`;
}

function choose(values) {
  filter.reset();
  for (const [name, value] of Object.entries(values)) filter.elements[name].value = value;
  show();
}

// What an address points to is shown, whatever the filter or a fold hides.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) choose({});
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView();
}

filter.hidden = false;
filter.addEventListener("input", show);
filter.addEventListener("submit", (event) => event.preventDefault());
filter.querySelector("button").addEventListener("click", () => choose({}));
for (const link of document.querySelectorAll(".counts a")) link.addEventListener("click", () => choose({ ...link.dataset }));
addEventListener("hashchange", reveal);
show();
reveal();
