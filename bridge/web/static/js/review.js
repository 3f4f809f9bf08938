// One box for all boxes of the list.

const all = document.querySelector("[data-all]");
const boxes = () => [...document.querySelectorAll("input[name^='attempt.']")];

all?.addEventListener("change", () => { for (const box of boxes()) box.checked = all.checked; });
document.addEventListener("change", (event) => {
  if (!all || !event.target.name?.startsWith("attempt.")) return;
  const chosen = boxes().filter((box) => box.checked).length;
  all.checked = chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
});
