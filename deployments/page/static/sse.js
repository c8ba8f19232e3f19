// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
// The browser's own EventSource can neither POST nor send a key.

/** Yields `{id, name, data}` of a response's body, `data` read as JSON. Comments, which keep it awake, are left out. */
export async function* events(body) {
  let event = { id: "", name: "message", data: [] };
  for await (const line of lines(body)) {
    if (line) {
      read(line, event);
      continue;
    }
    if (event.data.length) yield { ...event, data: JSON.parse(event.data.join("\n")) };
    event = { id: event.id, name: "message", data: [] };
  }
}

function read(line, event) {
  const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (field === "data") event.data.push(value);
  else if (field === "event") event.name = value;
  else if (field === "id") event.id = value;
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // A carriage return at the end of a chunk may be half of a line end.
      const whole = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = whole.pop();
      yield* whole;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
