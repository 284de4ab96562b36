// The theme that a reader chose; `public/theme.js` sets it before the first paint.
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "lethe-theme";

export const chosenTheme = (): Theme =>
  THEMES.find((theme) => theme === document.documentElement.dataset.theme) ?? "system";

/** Show a theme, and remember it in this browser; `system` follows its settings. */
export function chooseTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(KEY);
    return;
  }
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(KEY, theme);
}
