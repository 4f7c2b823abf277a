// The same as ParleySocket (socket.js) where no WebSocket gets through: events come as server-sent events from
// GET /v1/events, commands go by REST. Read with fetch, because an EventSource cannot send an Authorization header.
//
// What differs: a resumed stream may repeat messages (drop those with a known sequence number), and nobody's presence is
// watched; `presence` only asks.

import { Backoff, CommandError, newResume, note } from './socket.js';

const REQUEST_LIMIT_MS = 15_000;
const SILENCE_LIMIT_MS = 60_000;
const STEADY_AFTER_MS = 10_000;
const PRESENCE_LIMIT = 20;
const FINAL = new Set([401, 403]);

export class ParleyEvents extends EventTarget {
  #options;
  #stream = null; // the AbortController of the stream that is open or opening
  #openSince = null;
  #lastEventId = null;
  #resumes = false; // whether this stream goes on where another ended
  #retry = null;
  #silence = null;
  #failures = 0;
  #backoff = new Backoff();
  #delayAskedMs = null;
  #stopped = null;
  #sending = Promise.resolve(); // one send after the other, so that they keep their order

  // `origin` is the server's address without a path; the rest as for ParleySocket.
  constructor({ origin, token, resume = newResume(), replayLimit }) {
    super();
    this.#options = { origin, token, replayLimit };
    this.resume = resume;
  }

  get isOpen() { return this.#openSince !== null; }

  async connect() {
    clearTimeout(this.#retry);
    this.#retry = this.#stopped = null;
    const stream = (this.#stream = new AbortController());
    this.#tell({ name: 'connecting' });
    try {
      this.#listen(stream);
      const response = await this.#open(stream);
      for await (const event of readEvents(response.body)) {
        if (stream !== this.#stream) return;
        this.#listen(stream);
        this.#received(event);
      }
      this.#lost(stream);
    } catch (error) {
      if (FINAL.has(error.status)) this.stop(error.code, error.detail);
      else this.#lost(stream);
    }
  }

  stop(code = 'stopped', detail = 'The connection was closed.') {
    this.#leave();
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#stopped = { code, detail, retryable: true };
    this.#tell({ name: 'stopped', code, detail });
  }

  retryNow() {
    if (this.#retry) this.connect();
  }

  send(draft) {
    const sent = this.#sending.then(() => this.#sendUntilAnswered(draft));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  async command(type, fields = {}) {
    const conversation = `/v1/conversations/${fields.conversation_id}`;
    const { sequence_number, is_typing = true } = fields;
    switch (type) {
      case 'send': return this.send(fields);
      case 'read': return this.#request('PUT', `${conversation}/read`, { sequence_number });
      case 'delivered': return this.#request('PUT', `${conversation}/delivered`, { sequence_number });
      case 'typing': return this.#request('POST', `${conversation}/typing`, { is_typing });
      case 'presence': return this.#presence(fields.user_ids);
      case 'ping': return this.#request('GET', '/v1/ping');
      default: throw new CommandError({ code: 'unknown_command', detail: `There is no command ${type}.` });
    }
  }

  async renew() {} // every request asks for a token

  // The key makes it safe to ask again when an answer was lost.
  async #sendUntilAnswered({ conversation_id, ...draft }) {
    const backoff = new Backoff();
    for (;;) {
      if (this.#stopped) throw new CommandError(this.#stopped);
      try {
        const path = `/v1/conversations/${conversation_id}/messages`;
        return { message: await this.#request('POST', path, draft) };
      } catch (error) {
        if (!error.retryable) throw error;
        const delayMs = backoff.next(error.retryAfterMs);
        await new Promise((resume) => setTimeout(resume, delayMs));
      }
    }
  }

  async #presence(userIds) {
    const asked = userIds.slice(0, PRESENCE_LIMIT).map(async (user_id) =>
      ({ user_id, ...(await this.#request('GET', `/v1/users/${user_id}/presence`)) }));
    const answers = await Promise.allSettled(asked);
    return { presence: answers.filter((each) => each.status === 'fulfilled').map((each) => each.value) };
  }

  async #open(stream) {
    const query = new URLSearchParams();
    const { cursor } = this.resume;
    if (!this.#lastEventId && cursor) query.set('cursor', cursor);
    if (this.#options.replayLimit) query.set('replay_limit', this.#options.replayLimit);
    const headers = { Accept: 'text/event-stream', ...(await this.#authorization()) };
    if (this.#lastEventId) headers['Last-Event-ID'] = this.#lastEventId;
    this.#resumes = Boolean(this.#lastEventId || cursor);
    const url = `${this.#options.origin}/v1/events?${query}`;
    const response = await fetch(url, { headers, cache: 'no-store', signal: stream.signal });
    if (response.ok) return response;
    // A position of another server, perhaps: begin anew.
    if (response.status === 400) {
      this.#lastEventId = null;
      Object.assign(this.resume, newResume());
    }
    throw await problemOf(response);
  }

  #received({ id, data }) {
    if (id) this.#lastEventId = id;
    const event = JSON.parse(data);
    if (event.type === 'hello') this.#opened(event);
    if (event.type === 'going_away') this.#delayAskedMs = event.reconnect_after_ms ?? null;
    if (event.type === 'closing' && event.code >= 4500) return this.stop('refused', event.reason);
    note(this.resume, event);
    this.dispatchEvent(new CustomEvent('event', { detail: event }));
  }

  #opened({ user_id, limits = {} }) {
    this.#openSince = Date.now();
    this.#failures = 0;
    this.#tell({ name: 'open', user_id, resumed: this.#resumes, limits });
  }

  #listen(stream) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => stream.abort(), SILENCE_LIMIT_MS);
  }

  #lost(stream) {
    if (stream !== this.#stream) return;
    if (this.isOpen && Date.now() - this.#openSince > STEADY_AFTER_MS) this.#backoff.reset();
    if (!this.isOpen) this.#failures += 1;
    this.#leave();
    const delayMs = this.#backoff.next(this.#delayAskedMs);
    this.#delayAskedMs = null;
    this.#retry = setTimeout(() => this.connect(), delayMs);
    this.#tell({ name: 'waiting', delay_ms: delayMs, failures: this.#failures });
  }

  #leave() {
    const stream = this.#stream;
    this.#stream = null;
    this.#openSince = null;
    clearTimeout(this.#silence);
    stream?.abort();
  }

  async #request(method, path, body) {
    const headers = await this.#authorization();
    if (body) headers['Content-Type'] = 'application/json';
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const request = { method, headers, body: JSON.stringify(body), cache: 'no-store', signal };
    const response = await fetch(this.#options.origin + path, request).catch(() => {
      throw new CommandError({ code: 'connection_lost', detail: 'The server does not answer.', retryable: true });
    });
    if (!response.ok) throw await problemOf(response);
    return response.status === 204 ? {} : response.json();
  }

  async #authorization() {
    const { token } = this.#options;
    return { Authorization: `Bearer ${typeof token === 'function' ? await token() : token}` };
  }

  #tell(state) {
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const seconds = response.headers.get('Retry-After');
  const detail = told.detail ?? `The server answered ${response.status}.`;
  const retryable = told.retryable ?? response.status >= 500;
  const problem = new CommandError({ code: told.code, detail, retryable, retry_after_ms: seconds ? seconds * 1_000 : null });
  return Object.assign(problem, { status: response.status });
}

// The fields of each event of a stream (HTML, section 9.2.6); comments and fields of other names are left out.
export async function* readEvents(body) {
  let rest = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = fieldsOf(block);
      if (event.data !== undefined) yield event;
    }
  }
}

function fieldsOf(block) {
  const fields = {};
  for (const line of block.split('\n')) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === 'data' && fields.data !== undefined) fields.data += `\n${value}`;
    else if (name) fields[name] = value;
  }
  return fields;
}
