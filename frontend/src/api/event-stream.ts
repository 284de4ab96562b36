// Server-sent events over fetch: a browser's own EventSource cannot send a key.

export interface StreamEvent {
  id: string | null;
  name: string;
  data: string;
}

/** The events whose last line has come, and the text that is left. */
export function parseEvents(text: string): { events: StreamEvent[]; rest: string } {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events = blocks.flatMap((block) => {
    const event: StreamEvent = { id: null, name: "message", data: "" };
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const [, field, value = ""] = /^(\w*):? ?(.*)$/.exec(line) ?? [];
      if (field === "id") event.id = value;
      if (field === "event") event.name = value;
      if (field === "data") data.push(value);
    }
    return data.length > 0 ? [{ ...event, data: data.join("\n") }] : []; // comments keep the connection open
  });
  return { events, rest };
}

export interface StreamListener {
  onEvent(event: StreamEvent): void;
  onConnection(isLive: boolean): void;
}

const PAUSE_SECONDS = 3;

/** Follow a stream; a cut one is taken up behind its last event. Returns how to stop. */
export function followStream(
  url: string,
  headers: () => Record<string, string>,
  listener: StreamListener,
): () => void {
  const stop = new AbortController();
  let lastId: string | null = null;

  const readOnce = async () => {
    const resume: Record<string, string> = lastId === null ? {} : { "Last-Event-ID": lastId };
    const answer = await fetch(url, { headers: { ...headers(), ...resume }, signal: stop.signal });
    if (!answer.ok || !answer.body) throw new Error(`the service answered ${answer.status}.`);
    listener.onConnection(true);
    let text = "";
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const { events, rest } = parseEvents(text + value);
      text = rest;
      for (const event of events) {
        lastId = event.id ?? lastId;
        listener.onEvent(event);
      }
    }
  };
  const read = async () => {
    while (!stop.signal.aborted) {
      try {
        await readOnce();
      } catch {
        if (stop.signal.aborted) return; // the reader went elsewhere
      }
      listener.onConnection(false);
      await new Promise((resume) => setTimeout(resume, 1000 * PAUSE_SECONDS));
    }
  };
  void read();
  return () => stop.abort();
}
