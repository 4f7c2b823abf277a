// Keeps one connection to Parley's socket open: JSON text frames, subprotocol parley.v1.
//
// What the page may rely on:
// - A command is answered once: its promise is fulfilled with the reply or rejected with a CommandError.
// - A `send` that has no reply when the connection is lost is sent again on the next one, in the same order and with
//   the same client_message_id. The server may have stored it already; the key makes sure it is stored once.
// - Messages of the time in between are not replayed here. Each time the state becomes `open` the page has to catch up
//   over REST. By then this connection is already listening, so nothing falls in between.
//
// `state` events carry one of { name: 'connecting' }, { name: 'open', user_id }, { name: 'waiting', delay_ms } and
// { name: 'stopped', detail }. An `event` event carries what the server told without being asked.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
const STEADY_AFTER_MS = 10_000;
const OPEN_LIMIT_MS = 15_000;
const REPLY_LIMIT_MS = 15_000;
const WAITING_LIMIT = 200;

export class CommandError extends Error {
  constructor({ code, detail, retryable = false, retry_after_ms = null }) {
    super(detail);
    Object.assign(this, { code, detail, retryable, retryAfterMs: retry_after_ms });
  }
}

export class Connection extends EventTarget {
  #url;
  #token;
  #socket = null;
  #ready = false;
  #readyAt = 0;
  #attempts = 0;
  #frameBytesLimit = Infinity;
  #delayAskedMs = null;
  #stopped = null; // why there will be no further attempt
  #lastCommandId = 0;
  #waiting = new Map(); // command id → what awaits its reply, oldest first
  #timers = {};

  constructor(url, token) {
    super();
    this.#url = url;
    this.#token = token;
  }

  start() {
    this.#stopped = null;
    clearTimeout(this.#timers.retry);
    this.#timers = {};
    const socket = new WebSocket(this.#url, ['parley.v1']);
    this.#socket = socket;
    this.#tell({ name: 'connecting' });
    socket.onmessage = (event) => this.#received(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event.code, event.reason);
    this.#timers.open = setTimeout(() => this.#giveUp(socket), OPEN_LIMIT_MS);
  }

  stop(detail) {
    const socket = this.#socket;
    this.#forgetSocket();
    clearTimeout(this.#timers.retry);
    this.#timers = {};
    socket?.close(1000);
    this.#stopped = { code: 'connection_stopped', detail };
    this.#rejectWaiting(this.#stopped);
    this.#tell({ name: 'stopped', detail });
  }

  // For when the network is back or somebody looks at the page: no reason to sit out the rest of the delay.
  retryNow() {
    if (this.#timers.retry) this.start();
  }

  command(type, fields = {}) {
    return new Promise((fulfil, reject) => {
      const id = ++this.#lastCommandId;
      const frame = JSON.stringify({ id, type, ...fields });
      const entry = { frame, resend: type === 'send', fulfil, reject, timer: null };
      if (this.#stopped) return reject(new CommandError(this.#stopped));
      if (!this.#ready && !entry.resend) return reject(lostError());
      if (this.#waiting.size >= WAITING_LIMIT) {
        const detail = 'Too many messages wait for the connection.';
        return reject(new CommandError({ code: 'too_many_waiting', detail, retryable: true }));
      }
      this.#waiting.set(id, entry);
      if (this.#ready) this.#transmit(id, entry);
    });
  }

  #transmit(id, entry) {
    // A frame above the limit would end the connection, and be sent again, and end the next one.
    if (new TextEncoder().encode(entry.frame).length > this.#frameBytesLimit) {
      this.#waiting.delete(id);
      return entry.reject(new CommandError({ code: 'frame_too_big', detail: 'This message is too long to be sent.' }));
    }
    const socket = this.#socket;
    socket.send(entry.frame);
    entry.timer = setTimeout(() => this.#giveUp(socket), REPLY_LIMIT_MS);
  }

  #received(socket, data) {
    if (socket !== this.#socket) return;
    const frame = JSON.parse(data);
    if (frame.id !== undefined) return this.#replied(frame);
    if (frame.type === 'hello') return this.#greeted(frame);
    if (frame.type === 'going_away') this.#delayAskedMs = frame.reconnect_after_ms ?? null;
    this.dispatchEvent(new CustomEvent('event', { detail: frame }));
  }

  #replied(frame) {
    const entry = this.#waiting.get(frame.id);
    if (!entry) return;
    this.#waiting.delete(frame.id);
    clearTimeout(entry.timer);
    if (frame.type === 'error') entry.reject(new CommandError(frame));
    else entry.fulfil(frame);
  }

  async #greeted(hello) {
    const socket = this.#socket;
    this.#frameBytesLimit = hello.limits?.frame_bytes ?? Infinity;
    try {
      const reply = await this.#authenticate();
      if (socket === this.#socket) this.#opened(reply.user_id, hello.heartbeat_interval_ms ?? 25_000);
    } catch (error) {
      if (socket !== this.#socket) return;
      if (error.retryable) this.#giveUp(socket, error.retryAfterMs);
      else this.stop(error.detail);
    }
  }

  #authenticate() {
    return new Promise((fulfil, reject) => {
      const id = ++this.#lastCommandId;
      const frame = JSON.stringify({ id, type: 'authenticate', token: this.#token });
      const entry = { frame, resend: false, fulfil, reject, timer: null };
      this.#waiting.set(id, entry);
      this.#transmit(id, entry);
    });
  }

  #opened(userId, heartbeatIntervalMs) {
    clearTimeout(this.#timers.open);
    this.#ready = true;
    this.#readyAt = Date.now();
    for (const [id, entry] of [...this.#waiting]) this.#transmit(id, entry);
    // A browser hides the server's WebSocket pings from the page, and a dead link can look open for minutes. Asking
    // makes it show: without a reply in time the connection is given up.
    this.#timers.heartbeat = setInterval(() => this.command('ping').catch(() => {}), heartbeatIntervalMs);
    this.#tell({ name: 'open', user_id: userId });
  }

  // Closing a dead link can take the browser a minute, so the loss is handled at once.
  #giveUp(socket, delayMs = null) {
    if (socket !== this.#socket) return;
    if (delayMs !== null) this.#delayAskedMs = delayMs;
    socket.close();
    this.#lost(socket, 1006, '');
  }

  #lost(socket, code, reason) {
    if (socket !== this.#socket) return;
    // 4500 to 4999 mean: coming back will not help.
    if (code >= 4500 && code <= 4999) return this.stop(reason || `The server closed the connection (${code}).`);
    // An overloaded server may let us in and close at once, so only a connection that lasted starts the delays anew.
    if (this.#ready && Date.now() - this.#readyAt > STEADY_AFTER_MS) this.#attempts = 0;
    this.#forgetSocket();
    // The server did not like one of our frames; sending the same ones again would end the same way.
    if (code === 1003 || code === 1007 || code === 1009) {
      this.#rejectWaiting({ code: 'frame_refused', detail: 'The server refused this message.' });
    }
    const delayMs = this.#nextDelayMs();
    this.#timers.retry = setTimeout(() => this.start(), delayMs);
    this.#tell({ name: 'waiting', delay_ms: delayMs });
  }

  #forgetSocket() {
    this.#socket = null;
    this.#ready = false;
    clearTimeout(this.#timers.open);
    clearInterval(this.#timers.heartbeat);
    for (const [id, entry] of [...this.#waiting]) {
      clearTimeout(entry.timer);
      if (entry.resend) continue;
      this.#waiting.delete(id);
      entry.reject(lostError());
    }
  }

  #rejectWaiting(error) {
    for (const entry of this.#waiting.values()) entry.reject(new CommandError(error));
    this.#waiting.clear();
  }

  // The jitter keeps thousands of pages from coming back in the same instant after a restart.
  #nextDelayMs() {
    const asked = this.#delayAskedMs;
    this.#delayAskedMs = null;
    const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++);
    return Math.round((asked ?? backoff / 2) + (Math.random() * backoff) / 2);
  }

  #tell(state) {
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}

function lostError() {
  return new CommandError({ code: 'connection_lost', detail: 'The connection was lost.', retryable: true });
}
