// The theme puts a wide table into a box that scrolls; the keyboard reaches it with this.
new MutationObserver(() => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    const heading = box.previousElementSibling?.closest("h1, h2, h3, h4, p");
    box.setAttribute("aria-label", `Table: ${heading?.firstChild?.textContent?.trim() ?? document.title}`);
  }
}).observe(document.body, { childList: true, subtree: true });
