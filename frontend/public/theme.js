// Before the first paint, so that a chosen theme does not flash; the policy allows no script in the page itself.
const chosen = localStorage.getItem("lethe-theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
