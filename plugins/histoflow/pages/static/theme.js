// Light or dark as Airflow's interface is: it keeps the choice of this browser under the key "theme".
// Runs before the first paint, so it is no module.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    const isDark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };
  apply();
  addEventListener("storage", apply);
  system.addEventListener("change", apply);
})();
