// The fields of a form: a control with its label, a hint, and what the service found wrong with it.
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/client";
import { errorsAt, type Field } from "../spec";

interface Described {
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface LabelledProps {
  field: Field;
  title: string;
  hint: string | undefined;
  problem: Problem | null;
  children: (described: Described) => ComponentChildren;
}

/** A control with its label, a hint, and what the service found wrong with it. */
export function Labelled({ field, title, hint, problem, children }: LabelledProps) {
  const errors = errorsAt(problem, field);
  const notes = `notes-${field}`;
  return (
    <div class="field">
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is what `children` draws */}
      <label>
        <span class="title">{title}</span>
        {children({ "aria-describedby": notes, "aria-invalid": errors.length > 0 })}
      </label>
      <div id={notes}>
        {hint && <span class="hint">{hint}</span>}
        <Errors errors={errors} />
      </div>
    </div>
  );
}

interface ChoiceProps extends Omit<LabelledProps, "children"> {
  value: string;
  options: [string, string][];
  onChoose: (value: string) => void;
}

export const Choice = ({ value, options, onChoose, ...labelled }: ChoiceProps) => (
  <Labelled {...labelled}>
    {(described) => (
      <select
        name={labelled.field}
        value={value}
        onChange={(event) => onChoose(event.currentTarget.value)}
        {...described}
      >
        {options.map(([id, title]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    )}
  </Labelled>
);

interface ErrorsProps {
  errors: ReturnType<typeof errorsAt>;
  withPointer?: boolean;
}

export const Errors = ({ errors, withPointer }: ErrorsProps) =>
  errors.length === 0 ? null : (
    <ul class="errors">
      {errors.map((error) => (
        <li key={error.pointer + error.code}>
          {withPointer && <code>{error.pointer}</code>} {error.detail}{" "}
          {error.suggestion && (
            <>
              Did you mean <strong>{error.suggestion}</strong>?
            </>
          )}
        </li>
      ))}
    </ul>
  );
