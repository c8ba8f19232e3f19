// A request, from sending it to its last event, over as many connections as that takes.

import { events } from "./sse.js";

const LAST = new Set(["answer", "problem"]);
const MOST_BREAKS = 6;
const PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000];

/**
 * Yields the service's events, and `resumed` after a broken connection. The last one is `answer` or `problem`.
 * Throws an `AbortError` when `signal` aborts.
 */
export async function* lift(request, { key, signal }) {
  const headers = { accept: "text/event-stream", ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const body = JSON.stringify({ ...request, stream: true });
  const post = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body, signal };
  let ask = () => fetch("v1/lift", post);
  let place = null;
  signal.addEventListener("abort", () => { if (place) cancel(place.request, headers); }, { once: true });
  for (let breaks = 0; breaks <= MOST_BREAKS; breaks += 1) {
    try {
      if (breaks) await pause(PAUSES_MS[breaks - 1], signal);
      const answer = await ask();
      if (breaks && answer.status >= 500) continue;
      if (breaks && answer.ok) yield { event: "resumed" };
      for await (const { id, name, data } of read(answer)) {
        if (name === "accepted") place = { request: data.request_id };
        if (place && id) place.last = id;
        yield { ...data, event: name };
        if (LAST.has(name)) return;
        breaks = 0;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof TypeError || error instanceof DOMException)) throw error;
    }
    if (!place) break;
    ask = () => fetch(`v1/lift/${encodeURIComponent(place.request)}/events`,
      { headers: { ...headers, "last-event-id": place.last ?? "0" }, signal });
  }
  yield { event: "problem", problem: unreachable(place) };
}

/** Whoever only hangs up may come back, so the work goes on for a while: this ends it. A page that closes can send it. */
function cancel(request, headers) {
  fetch(`v1/lift/${encodeURIComponent(request)}`, { method: "DELETE", headers, keepalive: true }).catch(() => {});
}

async function* read(answer) {
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok) yield { name: "problem", data: await refusal(answer, type) };
  else if (type.startsWith("text/event-stream")) yield* events(answer.body);
  else yield { name: "answer", data: { response: await answer.json() } };
}

async function refusal(answer, type) {
  const retry_after_s = Number(answer.headers.get("retry-after")) || null;
  if (type.startsWith("application/problem+json")) return { problem: await answer.json(), retry_after_s };
  const detail = "The answer did not come from the service itself: something between it and you refused the request.";
  const title = answer.statusText || "Refused";
  return { problem: { title, status: answer.status, detail, errors: [] }, retry_after_s };
}

function unreachable(place) {
  const detail = place
    ? "The connection broke, and could not be taken up again."
    : "The service could not be reached, or hung up before it took the request.";
  return { title: "No connection", status: 0, detail, errors: [] };
}

function pause(ms, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
  });
}
