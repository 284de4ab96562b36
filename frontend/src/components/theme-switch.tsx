// Light, dark, or as the system has it.
import { useState } from "preact/hooks";
import { chooseTheme, chosenTheme, THEMES, type Theme } from "../theme";

const TITLES: Record<Theme, string> = { system: "System theme", light: "Light", dark: "Dark" };

export function ThemeSwitch() {
  const [theme, setTheme] = useState(chosenTheme);
  const choose = (id: string) => {
    const wanted = THEMES.find((each) => each === id) ?? "system";
    chooseTheme(wanted);
    setTheme(wanted);
  };
  return (
    <select
      class="quiet-control"
      aria-label="Theme"
      value={theme}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {THEMES.map((id) => (
        <option key={id} value={id}>
          {TITLES[id]}
        </option>
      ))}
    </select>
  );
}
