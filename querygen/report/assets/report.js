// Sorting and copying. Without it everything is still there to be read.
(() => {
  "use strict";
  const root = document.currentScript.closest(".querygen");
  const status = root.querySelector(".qg-status");

  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
  };

  // NULL comes last in both directions, and equal rows keep their order.
  const compare = (a, b, sign) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), "en", { numeric: true });
  };

  for (const table of root.querySelectorAll("table")) {
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const button = header.querySelector("button");
      button.disabled = false;
      button.addEventListener("click", () => {
        const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [keyOf(row, column), row]);
        keyed.sort(([a], [b]) => compare(a, b, sign));
        body.append(...keyed.map(([, row]) => row));
        headers.forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        status.textContent = `Sorted by ${button.textContent}, ${sign === 1 ? "ascending" : "descending"}`;
      });
    });
  }

  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  for (const button of root.querySelectorAll(".qg-copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = document.getElementById(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(code.textContent);
        status.textContent = "Copied";
      } catch {
        select(code);
        status.textContent = document.execCommand("copy") ? "Copied" : "Selected; press Ctrl+C to copy";
      }
      const name = button.textContent;
      button.textContent = status.textContent;
      button.disabled = true;
      setTimeout(() => { button.textContent = name; button.disabled = false; }, 1500);
    });
  }
})();
