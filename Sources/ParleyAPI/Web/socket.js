// Parley's socket for a browser (subprotocol parley.v1), in one file without dependencies: copy it into your project.
//
//   const socket = new ParleySocket({ url: 'wss://chat.example.com/v1/socket', token: () => fetchToken() });
//   socket.addEventListener('state', ({ detail }) => showState(detail));
//   socket.addEventListener('event', ({ detail }) => applyEvent(detail));
//   socket.connect();
//   const { message } = await socket.send({ conversation_id, message_type: 'text', content, client_message_id });
//
// What you may rely on:
// - It stays connected until `stop`: lost connections come back with growing, jittered delays, or when the server says.
//   A connection on which nothing is heard for two heartbeats counts as lost, whatever the browser believes.
// - Events are missed by no one: each new connection resumes where the last one ended, so the messages of a
//   conversation arrive in order, each once. Only `open` with `resumed: false` (the first connection, or a position
//   the server did not accept) means: read a fresh snapshot, and apply what arrives meanwhile on top of it.
// - A `send` is fulfilled with the reply or rejected with a CommandError. Without a reply it is sent again on the next
//   connection, in the same order and under the same client_message_id, by which the server stores it once.
// - Any other `command` is rejected with `connection_lost` when there is no connection to ask on.
//
// `state` events carry { name: 'connecting' }, { name: 'open', user_id, resumed, limits }, { name: 'waiting', delay_ms,
// failures } (attempts in a row that did not open) or { name: 'stopped', code, detail }: there will be no further attempt.

const OPEN_LIMIT_MS = 15_000;
const REPLY_LIMIT_MS = 20_000;
const CHECK_LIMIT_MS = 5_000;
const STEADY_AFTER_MS = 10_000;
const WAITING_LIMIT = 500;

export class CommandError extends Error {
  constructor({ code, detail, retryable = false, retry_after_ms = null }) {
    super(detail);
    Object.assign(this, { code, detail, retryable, retryAfterMs: retry_after_ms });
  }
}

export class ParleySocket extends EventTarget {
  #options;
  #socket = null;
  #hello = null;
  #openSince = null; // set while commands can be sent
  #heardAt = 0;
  #failures = 0;
  #backoff = new Backoff();
  #delayAskedMs = null;
  #stopped = null;
  #timers = { retry: null, open: null, watch: null, pump: null };
  #lastId = 0;
  #unsent = []; // commands in the order they were given
  #unanswered = new Map(); // id → command
  #recent = []; // when the commands of the last second were sent

  // `token` is a string or a function that answers one, asked before each connection. `resume` is where to go on, as
  // another ParleySocket left it. When more than `replayLimit` messages of a conversation were missed, a `skipped` event
  // stands for them.
  constructor({ url, token, resume = newResume(), replayLimit }) {
    super();
    this.#options = { url, token, replayLimit };
    this.resume = resume;
  }

  get isOpen() { return this.#openSince !== null; }

  connect() {
    clearTimeout(this.#timers.retry);
    this.#timers.retry = this.#stopped = null;
    const socket = new WebSocket(this.#options.url, ['parley.v1']);
    this.#socket = socket;
    this.#tell({ name: 'connecting' });
    socket.onmessage = ({ data }) => this.#received(socket, data);
    socket.onclose = ({ code, reason }) => this.#lost(socket, code, reason);
    this.#timers.open = setTimeout(() => this.#giveUp(socket), OPEN_LIMIT_MS);
  }

  // Ends it for good. Sends without a reply are rejected as retryable, should somebody else want to carry them on.
  stop(code = 'stopped', detail = 'The connection was closed.') {
    const socket = this.#socket;
    this.#leave();
    clearTimeout(this.#timers.retry);
    this.#timers.retry = null;
    socket?.close(1000);
    this.#stopped = { code, detail, retryable: true };
    this.#reject(() => true, this.#stopped);
    this.#tell({ name: 'stopped', code, detail });
  }

  // For when the network is back or somebody looks at the page: no reason to sit out the rest of a delay, and a
  // connection may have died unseen, as while a laptop slept.
  retryNow() {
    if (this.#timers.retry) return this.connect();
    if (!this.isOpen) return;
    const socket = this.#socket;
    const limit = setTimeout(() => this.#giveUp(socket), CHECK_LIMIT_MS);
    this.command('ping').catch(() => {}).finally(() => clearTimeout(limit));
  }

  send(draft) {
    return this.#enqueue('send', draft, true);
  }

  command(type, fields = {}) {
    if (type === 'send') return this.send(fields);
    if (!this.isOpen) return Promise.reject(lostError());
    return this.#enqueue(type, fields, false);
  }

  // Tokens end; a new one of the same user keeps the connection.
  async renew() {
    return this.command('authenticate', { token: await this.#token() });
  }

  // MARK: Commands

  #enqueue(type, fields, again, first = false) {
    return new Promise((fulfil, reject) => {
      if (this.#stopped) return reject(new CommandError(this.#stopped));
      if (!first && this.#unsent.length + this.#unanswered.size >= WAITING_LIMIT) {
        const detail = 'Too many commands wait for the connection.';
        return reject(new CommandError({ code: 'too_many_waiting', detail, retryable: true }));
      }
      const command = { type, fields, again, fulfil, reject, timer: null };
      if (first) return this.#transmit(command);
      this.#unsent.push(command);
      this.#pump();
    });
  }

  // Stays below the server's limit of commands in a second, however many have waited.
  #pump() {
    clearTimeout(this.#timers.pump);
    if (!this.isOpen) return;
    const limit = Math.max(1, Math.floor((this.#hello.limits?.commands_per_second ?? 50) * 0.7));
    while (this.#unsent.length > 0) {
      this.#recent = this.#recent.filter((time) => Date.now() - time < 1_000);
      if (this.#recent.length >= limit) {
        this.#timers.pump = setTimeout(() => this.#pump(), 100);
        return;
      }
      this.#recent.push(Date.now());
      this.#transmit(this.#unsent.shift());
    }
  }

  #transmit(command) {
    const id = ++this.#lastId;
    const frame = JSON.stringify({ ...command.fields, id, type: command.type });
    // A frame above the limit would end the connection, be sent again, and end the next one.
    if (new TextEncoder().encode(frame).length > (this.#hello.limits?.frame_bytes ?? Infinity)) {
      return command.reject(new CommandError({ code: 'frame_too_big', detail: 'This is too long to be sent.' }));
    }
    const socket = this.#socket;
    socket.send(frame);
    this.#unanswered.set(id, command);
    command.timer = setTimeout(() => this.#giveUp(socket), REPLY_LIMIT_MS);
  }

  #replied(frame) {
    const command = this.#unanswered.get(frame.id);
    if (!command) return;
    this.#unanswered.delete(frame.id);
    clearTimeout(command.timer);
    if (frame.type === 'error') command.reject(new CommandError(frame));
    else command.fulfil(frame);
  }

  #reject(which, error) {
    const commands = [...this.#unanswered.values(), ...this.#unsent];
    this.#unanswered.clear();
    this.#unsent = commands.filter((command) => !which(command));
    for (const command of commands) {
      clearTimeout(command.timer);
      if (which(command)) command.reject(new CommandError(error));
    }
  }

  // MARK: One connection

  #received(socket, data) {
    if (socket !== this.#socket) return;
    this.#heardAt = Date.now();
    const frame = JSON.parse(data);
    if (frame.id !== undefined) return this.#replied(frame);
    if (frame.type === 'hello') this.#begin(socket, frame);
    if (frame.type === 'going_away') this.#delayAskedMs = frame.reconnect_after_ms ?? null;
    note(this.resume, frame);
    this.dispatchEvent(new CustomEvent('event', { detail: frame }));
  }

  async #begin(socket, hello) {
    this.#hello = hello;
    try {
      const token = await this.#token();
      if (socket !== this.#socket) return;
      const { user_id } = await this.#enqueue('authenticate', { token }, false, true);
      const resumed = await this.#subscribe();
      if (socket === this.#socket) this.#opened(user_id, resumed);
    } catch (error) {
      if (socket !== this.#socket) return; // `lost` has dealt with it
      const renewable = error.code === 'token_expired' && typeof this.#options.token === 'function';
      if (error.retryable === false && !renewable) return this.stop(error.code, error.detail);
      this.#delayAskedMs = error.retryAfterMs ?? null;
      this.#giveUp(socket);
    }
  }

  // Says where this client stands, in as many commands as the positions need. Answers whether the server goes on there.
  async #subscribe() {
    const { cursor, positions } = this.resume;
    const subscribe = (fields) => this.#enqueue('subscribe', fields, false, true);
    const replay_limit = this.#options.replayLimit;
    if (cursor === null) return subscribe({ replay_limit }).then(() => false);
    const entries = [...positions];
    const size = Math.min(1_000, this.#hello.limits?.positions ?? 1_000);
    try {
      while (entries.length > size) {
        await subscribe({ positions: Object.fromEntries(entries.splice(0, size)), more: true });
      }
      await subscribe({ cursor, positions: Object.fromEntries(entries), replay_limit });
      return true;
    } catch (error) {
      if (error.retryable || error.code === 'too_many_subscriptions') throw error;
      Object.assign(this.resume, newResume()); // a position of another server, perhaps: begin anew
      throw new CommandError({ code: error.code, detail: error.detail, retryable: true });
    }
  }

  #opened(userId, resumed) {
    clearTimeout(this.#timers.open);
    this.#openSince = Date.now();
    this.#failures = 0;
    this.#watch(this.#hello.heartbeat_interval_ms ?? 25_000);
    this.#tell({ name: 'open', user_id: userId, resumed, limits: this.#hello.limits ?? {} });
    this.#pump();
  }

  // A browser hides the server's pings from scripts, and a dead link can look open for minutes. The heartbeat shows it.
  #watch(intervalMs) {
    const socket = this.#socket;
    this.#timers.watch = setInterval(() => {
      if (Date.now() - this.#heardAt > 2 * intervalMs) this.#giveUp(socket);
    }, intervalMs / 4);
  }

  // Closing a dead link can take the browser a minute, so the loss is handled at once.
  #giveUp(socket) {
    if (socket !== this.#socket) return;
    socket.close();
    this.#lost(socket, 1006, '');
  }

  #lost(socket, code, reason) {
    if (socket !== this.#socket) return;
    if (code >= 4500 && code <= 4999) return this.stop('refused', reason || `The server closed the connection (${code}).`);
    if (code === 4004 && typeof this.#options.token === 'string') return this.stop('token_expired', 'The token has expired.');
    // An overloaded server may let us in and close at once, so only a connection that lasted starts the delays anew.
    if (this.isOpen && Date.now() - this.#openSince > STEADY_AFTER_MS) this.#backoff.reset();
    if (!this.isOpen) this.#failures += 1;
    this.#leave();
    // The server did not like one of our frames; sending the same ones again would end the same way.
    const disliked = [1002, 1003, 1007, 1009, 4502].includes(code);
    this.#reject((command) => disliked || !command.again, disliked ? refusedError() : lostError());
    const delayMs = this.#backoff.next(this.#delayAskedMs);
    this.#delayAskedMs = null;
    this.#timers.retry = setTimeout(() => this.connect(), delayMs);
    this.#tell({ name: 'waiting', delay_ms: delayMs, failures: this.#failures });
  }

  #leave() {
    this.#socket = null;
    this.#openSince = null;
    clearTimeout(this.#timers.open);
    clearTimeout(this.#timers.pump);
    clearInterval(this.#timers.watch);
  }

  async #token() {
    return typeof this.#options.token === 'function' ? this.#options.token() : this.#options.token;
  }

  #tell(state) {
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}

// Where a client stands: the newest cursor, and the last sequence number it has had of each conversation.
export function newResume() {
  return { cursor: null, positions: new Map() };
}

export function note(resume, event) {
  const reached = (id, number) => resume.positions.set(id, Math.max(number, resume.positions.get(id) ?? 0));
  if (event.type === 'message') reached(event.message.conversation_id, event.message.sequence_number);
  if (event.type === 'skipped') reached(event.conversation_id, event.sequence_number);
  if (event.type === 'conversation' && event.change === 'removed') resume.positions.delete(event.conversation_id);
  if (event.cursor) resume.cursor = event.cursor;
}

// Doubling delays. The jitter keeps thousands of pages from coming back in the same instant after a restart.
export class Backoff {
  #attempts = 0;

  constructor({ firstMs = 500, longestMs = 30_000 } = {}) {
    Object.assign(this, { firstMs, longestMs });
  }

  next(askedMs = null) {
    const backoff = Math.min(this.longestMs, this.firstMs * 2 ** this.#attempts++);
    return Math.round((askedMs ?? backoff / 2) + (Math.random() * backoff) / 2);
  }

  reset() {
    this.#attempts = 0;
  }
}

const lostError = () => new CommandError({ code: 'connection_lost', detail: 'There is no connection.', retryable: true });
const refusedError = () => new CommandError({ code: 'frame_refused', detail: 'The server did not accept this.' });
