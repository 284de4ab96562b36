// One interval as a mark on its axis, with the retrained model's mean as a dashed line.
import type { Group } from "../api/client";
import { Shape } from "../components/shape";
import { type Axis, type Interval, intervalMarks } from "./interval";

const WIDTH = 120;
const HEIGHT = 18;
const MARGIN = 6; // room for a shape at either end

interface Props {
  interval: Interval;
  axis: Axis;
  group: Group | null;
  retrained: Interval | undefined;
}

/** The numbers stand beside it, so it is hidden from screen readers. */
export function IntervalPlot({ interval, axis, group, retrained }: Props) {
  const marks = intervalMarks(interval, axis);
  const line = retrained && intervalMarks(retrained, axis);
  const x = (place: number) => MARGIN + place * (WIDTH - 2 * MARGIN);
  const middle = HEIGHT / 2;
  return (
    <svg class="interval" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <line class="axis" x1={x(0)} x2={x(1)} y1={middle} y2={middle} />
      {line && <line class="retrained" x1={x(line.mean)} x2={x(line.mean)} y1={0} y2={HEIGHT} />}
      {marks && (
        <>
          <line
            class={`whisker ${(group ?? "none").toLowerCase()}`}
            x1={x(marks.low)}
            x2={x(marks.high)}
            y1={middle}
            y2={middle}
          />
          <Shape group={group} x={x(marks.mean)} y={middle} />
        </>
      )}
    </svg>
  );
}
