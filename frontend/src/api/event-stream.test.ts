import { expect, test } from "vitest";
import { parseEvents } from "./event-stream";

test("events are read once their last line has come, and comments are not events", () => {
  const text = 'id: 7\nevent: state\ndata: {"a": 1}\n\n: ping\n\nevent: end\ndata: {}\n\nid: 8\nda';
  expect(parseEvents(text)).toEqual({
    events: [
      { id: "7", name: "state", data: '{"a": 1}' },
      { id: null, name: "end", data: "{}" },
    ],
    rest: "id: 8\nda",
  });
});

test("lines may end in CR LF, and data may have several", () => {
  const { events } = parseEvents("data: one\r\ndata: two: three\r\n\r\n");
  expect(events).toEqual([{ id: null, name: "message", data: "one\ntwo: three" }]);
});
