// The demo page: one user's conversations, live. It speaks the public API and nothing else, so it can be read as an
// example of a client: commands and events over the socket (socket.js), everything else over REST.
//
// What others wrote reaches the document through textContent only, so that no message can become markup.

import { Connection } from './socket.js';

const HISTORY_LIMIT = 50;
const CATCH_UP_LIMIT = 200;
const REQUEST_LIMIT_MS = 15_000;
const GAP_PATIENCE_MS = 300;
const RETRY_DELAY_MS = 3_000;
// After a longer absence the newest page is shown instead, and the rest loads when somebody scrolls up to it.
const CATCH_UP_LONGEST = 2_000;
const HELD_LIMIT = 500;
const MOVING_FIELDS = [
  'last_sequence', 'last_message_id', 'last_message_at', 'last_message_preview', 'last_read_sequence', 'unread_count',
];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const state = {
  demo: null, // what /demo/session told, or null with a pasted token
  me: null, // { id, name, token }; with a pasted token the id is known once the connection is open
  connection: null,
  connectionState: { name: 'none' },
  conversations: new Map(),
  nextCursor: null,
  changedDuringRefresh: null, // ids that events brought while a list was on its way
  timeline: null, // of the conversation that is open
  drafts: [], // what was sent from here and is not seen in a timeline yet, in all conversations
  unsentTexts: new Map(), // conversation id → what stands in the field
  atBottom: true,
};

const element = (id) => document.getElementById(id);

// --- Who you are ---------------------------------------------------------------------------------------------------

async function begin() {
  try {
    state.demo = await call('GET', '/demo/session');
  } catch (error) {
    if (error.status === 404) return show('sign-in');
    return showProblem(error, { label: 'Try again', act: () => location.reload() });
  }
  const name = new URLSearchParams(location.search).get('as')?.toLowerCase();
  const user = state.demo.users.find((each) => each.name.toLowerCase() === name);
  if (!user) return offerUsers();
  if (!openId() && state.demo.conversation_id) history.replaceState(null, '', `#${state.demo.conversation_id}`);
  enter(user);
}

function offerUsers() {
  element('choose-users').replaceChildren(
    ...state.demo.users.map((user) => make('a', { href: addressAs(user) }, `Continue as ${user.name}`)),
  );
  show('choose');
}

const addressAs = (user) => `?as=${encodeURIComponent(user.name.toLowerCase())}`;

async function signIn(token) {
  state.me = { id: null, name: 'You', token };
  try {
    // Asked first because REST explains a refused token better than a socket that closes.
    await call('GET', '/v1/conversations?limit=1');
    hideProblem();
    enter(state.me);
  } catch (error) {
    state.me = null;
    showProblem(error);
  }
}

function enter(user) {
  state.me = user;
  show('chat');
  drawWho();
  connect();
  // The list does not wait for the connection: where a proxy lets no socket through, the page can still be read.
  if (state.me.id) refreshConversations();
  openFromAddress();
}

function connect() {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/socket`;
  state.connection = new Connection(url, state.me.token);
  state.connection.addEventListener('state', ({ detail }) => connectionChanged(detail));
  state.connection.addEventListener('event', ({ detail }) => eventArrived(detail));
  state.connection.start();
}

// --- REST ----------------------------------------------------------------------------------------------------------

class Problem extends Error {
  constructor({ status = 0, code = 'unknown', detail, retryable = false, requestId = null }) {
    super(detail);
    Object.assign(this, { status, code, detail, retryable, requestId });
  }
}

async function call(method, path, body) {
  const headers = {};
  if (state.me) headers.Authorization = `Bearer ${state.me.token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    response = await fetch(path, { method, headers, body: JSON.stringify(body), cache: 'no-store', signal });
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch {
    const detail = 'The server does not answer. Is it running, and are you online?';
    throw new Problem({ code: 'unreachable', detail, retryable: true });
  }
  throw await problemOf(response);
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const wait = response.headers.get('Retry-After');
  const detail = told.detail || told.title || `The server answered ${response.status}.`;
  return new Problem({
    status: response.status,
    code: told.code,
    detail: wait ? `${detail} (try again in ${wait} s)` : detail,
    retryable: told.retryable,
    requestId: told.request_id ?? response.headers.get('X-Request-ID'),
  });
}

const conversationPath = (id) => `/v1/conversations/${encodeURIComponent(id)}`;

// --- What the connection tells -------------------------------------------------------------------------------------

function connectionChanged(connectionState) {
  state.connectionState = connectionState;
  drawConnectionState();
  drawTimeline();
  if (connectionState.name === 'stopped') return showProblem(new Problem({ detail: connectionState.detail }), startAgain);
  if (connectionState.name !== 'open') return;
  state.me = { ...state.me, id: connectionState.user_id };
  drawWho();
  refreshConversations();
  if (state.timeline) refreshTimeline(state.timeline);
  else openFromAddress();
}


function eventArrived(event) {
  if (event.type === 'message') messageArrived(event.message, { live: true });
  if (event.type === 'conversation') fetchConversation(event.conversation_id);
}

// From an event or from the reply to `send`, whichever comes first; the second is dropped by its sequence number.
function messageArrived(message, { live }) {
  updateConversation(message);
  const timeline = state.timeline;
  if (timeline?.conversationId !== message.conversation_id) {
    settleDrafts([message]);
    drawTimeline();
    return;
  }
  const fresh = message.sequence_number > timeline.last;
  hold(timeline, message);
  drawTimeline();
  if (live && fresh && timeline.loaded) announce(message);
  markRead();
}

// --- Conversations -------------------------------------------------------------------------------------------------

async function refreshConversations() {
  const changed = (state.changedDuringRefresh = new Set());
  try {
    const page = await call('GET', '/v1/conversations');
    // Only the newest refresh may clear the list, else the answer of an older one could undo it.
    if (state.changedDuringRefresh !== changed) return;
    const kept = new Set([...page.conversations.map((each) => each.id), ...changed, state.timeline?.conversationId]);
    for (const id of state.conversations.keys()) if (!kept.has(id)) state.conversations.delete(id);
    for (const each of page.conversations) if (!remember(each)) fetchConversation(each.id);
    state.nextCursor = page.next_cursor;
    state.changedDuringRefresh = null;
    drawAll();
  } catch (error) {
    // Without a connection its own state says so, and coming back refreshes the list again.
    if (error.code === 'unreachable' && state.connectionState.name !== 'open') return;
    showProblem(error, error.status === 401 ? startAgain : { label: 'Try again', act: refreshConversations });
  }
}

async function loadMoreConversations() {
  try {
    const page = await call('GET', `/v1/conversations?cursor=${encodeURIComponent(state.nextCursor)}`);
    page.conversations.forEach((each) => remember(each));
    state.nextCursor = page.next_cursor;
    drawConversations();
  } catch (error) {
    showProblem(error);
  }
}

// Also how a removal is noticed: whatever the change was, the answer tells whether we may still see the conversation.
async function fetchConversation(id, triesLeft = 5) {
  try {
    const stale = !remember(await call('GET', conversationPath(id)));
    drawAll();
    if (stale && triesLeft > 0) setTimeout(() => fetchConversation(id, triesLeft - 1), GAP_PATIENCE_MS);
  } catch (error) {
    if (error.status !== 403 && error.status !== 404) return showProblem(error);
    state.conversations.delete(id);
    if (state.timeline?.conversationId === id) {
      closeConversation();
      history.replaceState(null, '', '#');
      showProblem(error);
    }
    drawAll();
  }
}

// An answer may be older than what an event has told in the meantime; then what is known stays. Says whether it was
// fresh.
function remember(conversation) {
  state.changedDuringRefresh?.add(conversation.id);
  const known = state.conversations.get(conversation.id);
  const stale = known !== undefined
    && (known.last_sequence > conversation.last_sequence || known.last_read_sequence > conversation.last_read_sequence);
  const merged = { ...conversation };
  if (stale) for (const field of MOVING_FIELDS) merged[field] = known[field];
  state.conversations.set(conversation.id, merged);
  return !stale;
}

function updateConversation(message) {
  const conversation = state.conversations.get(message.conversation_id);
  if (!conversation) return fetchConversation(message.conversation_id);
  if (message.sequence_number <= conversation.last_sequence) return;
  const skipped = message.sequence_number > conversation.last_sequence + 1;
  Object.assign(conversation, {
    last_sequence: message.sequence_number,
    last_message_id: message.id,
    last_message_at: message.created_at,
    last_message_preview: previewOf(message),
    unread_count: conversation.unread_count + (message.sender_id === state.me.id ? 0 : 1),
  });
  state.changedDuringRefresh?.add(conversation.id);
  // Only the server knows how many of the skipped messages count as unread.
  if (skipped) fetchConversation(conversation.id);
  drawConversations();
}

async function startConversation(type, title, userIds) {
  const body = { type, participant_ids: userIds };
  if (type === 'group') body.title = title || null;
  const conversation = await call('POST', '/v1/conversations', body);
  remember(conversation);
  drawConversations();
  location.hash = conversation.id;
}

// --- The open conversation -----------------------------------------------------------------------------------------

function openId() {
  const id = location.hash.slice(1).toLowerCase();
  return UUID.test(id) ? id : null;
}

function openFromAddress() {
  // Without one's own id there is no telling whose message is whose.
  if (!state.me?.id || state.timeline?.conversationId === (openId() ?? undefined)) return;
  closeConversation();
  if (openId()) openConversation(openId());
  else drawAll();
}

function closeConversation() {
  if (state.timeline) state.unsentTexts.set(state.timeline.conversationId, element('text').value);
  clearTimeout(state.timeline?.catchUpTimer);
  state.timeline = null;
  element('messages').replaceChildren();
}

function openConversation(id) {
  // `messages` is an unbroken run of sequence numbers that ends with `last`; `held` has what came before its predecessor.
  state.timeline = {
    conversationId: id, messages: [], last: 0, held: new Map(), loaded: false, hasOlder: false, readBefore: null,
    loadingNewest: false, loadingOlder: false, problem: null, catchingUp: false, catchUpAgain: false, catchUpTimer: null,
  };
  state.atBottom = true;
  element('text').value = state.unsentTexts.get(id) ?? '';
  fitText();
  drawAll();
  loadNewest(state.timeline);
  if (!focusText()) element('conversation-title').focus();
}

function refreshTimeline(timeline) {
  if (timeline.loaded) return catchUp(timeline);
  // A page asked for before the connection was listening may miss what was stored in between.
  timeline.catchUpAgain = timeline.loadingNewest;
  return loadNewest(timeline);
}

async function loadNewest(timeline) {
  if (timeline.loadingNewest) return;
  timeline.loadingNewest = true;
  timeline.problem = null;
  drawTimeline();
  try {
    const [page] = await Promise.all([
      call('GET', `${conversationPath(timeline.conversationId)}/messages?limit=${HISTORY_LIMIT}`),
      state.conversations.has(timeline.conversationId) || fetchConversation(timeline.conversationId),
    ]);
    startFrom(timeline, page);
  } catch (error) {
    timeline.problem = error;
  }
  timeline.loadingNewest = false;
  if (state.timeline !== timeline) return;
  drawTimeline();
  scrollToBottom();
  markRead();
  if (timeline.catchUpAgain && timeline.loaded) catchUp(timeline);
}

function startFrom(timeline, page) {
  const conversation = state.conversations.get(timeline.conversationId);
  if (conversation?.unread_count > 0) timeline.readBefore ??= conversation.last_read_sequence;
  timeline.messages = page.messages;
  timeline.last = page.messages.at(-1)?.sequence_number ?? 0;
  timeline.hasOlder = page.has_more;
  timeline.loaded = true;
  settleDrafts(page.messages);
  release(timeline);
}

async function loadOlder() {
  const timeline = state.timeline;
  if (!timeline?.hasOlder || timeline.loadingOlder) return;
  timeline.loadingOlder = true;
  timeline.problem = null;
  drawTimeline();
  const first = timeline.messages[0].sequence_number;
  try {
    const path = `${conversationPath(timeline.conversationId)}/messages`;
    const page = await call('GET', `${path}?before_sequence=${first}&limit=${HISTORY_LIMIT}`);
    // A catch-up may have started anew from the newest page meanwhile; then this page no longer joins on.
    if (timeline.messages[0].sequence_number === first) {
      timeline.messages = [...page.messages, ...timeline.messages];
      timeline.hasOlder = page.has_more;
    }
  } catch (error) {
    timeline.problem = error;
  }
  timeline.loadingOlder = false;
  if (state.timeline === timeline) keepPlace(drawTimeline);
}

function hold(timeline, message) {
  if (message.sequence_number <= timeline.last) return settleDrafts([message]);
  // While the missing ones cannot be read, one held message is as good a reason to catch up as all of them.
  if (timeline.held.size >= HELD_LIMIT) timeline.held.clear();
  timeline.held.set(message.sequence_number, message);
  if (timeline.loaded) release(timeline);
}

function release(timeline) {
  for (const number of timeline.held.keys()) if (number <= timeline.last) timeline.held.delete(number);
  while (timeline.held.has(timeline.last + 1)) append(timeline, timeline.held.get(timeline.last + 1));
  // A reply may overtake an event, so a gap gets a moment to close by itself.
  if (timeline.held.size > 0) catchUpSoon(timeline, GAP_PATIENCE_MS);
}

function append(timeline, message) {
  timeline.messages.push(message);
  timeline.last = message.sequence_number;
  timeline.held.delete(message.sequence_number);
  settleDrafts([message]);
}

function catchUpSoon(timeline, delayMs) {
  if (timeline.catchUpTimer) return;
  timeline.catchUpTimer = setTimeout(() => {
    timeline.catchUpTimer = null;
    const needed = state.timeline === timeline && (timeline.held.size > 0 || timeline.catchUpAgain);
    if (needed) catchUp(timeline);
  }, delayMs);
}

async function catchUp(timeline) {
  timeline.catchUpAgain = true;
  if (timeline.catchingUp) return;
  timeline.catchingUp = true;
  try {
    while (timeline.catchUpAgain && state.timeline === timeline) {
      timeline.catchUpAgain = false;
      await readMissed(timeline);
    }
  } catch (error) {
    timeline.catchUpAgain = true;
    if (error.retryable) catchUpSoon(timeline, RETRY_DELAY_MS);
    else showProblem(error);
  }
  timeline.catchingUp = false;
  if (state.timeline !== timeline) return;
  if (timeline.held.size > 0) catchUpSoon(timeline, RETRY_DELAY_MS);
  drawTimeline();
  markRead();
}

async function readMissed(timeline) {
  const path = `${conversationPath(timeline.conversationId)}/messages`;
  let page;
  do {
    page = await call('GET', `${path}?after_sequence=${timeline.last}&limit=${CATCH_UP_LIMIT}`);
    if (state.timeline !== timeline) return;
    if (page.last_sequence - timeline.last > CATCH_UP_LONGEST) {
      page = await call('GET', `${path}?limit=${HISTORY_LIMIT}`);
      return startFrom(timeline, page);
    }
    // Live messages arrive during the wait as well, so the page may begin with known ones.
    for (const message of page.messages) if (message.sequence_number > timeline.last) append(timeline, message);
    release(timeline);
    drawTimeline();
  } while (page.has_more && page.messages.length > 0);
}

// --- Sending -------------------------------------------------------------------------------------------------------

function send(content) {
  const draft = { conversationId: state.timeline.conversationId, clientMessageId: randomId(), content };
  state.drafts.push(draft);
  state.atBottom = true;
  transmit(draft);
}

// Trying again keeps the client_message_id: should the server have the message already, it answers with that one.
async function transmit(draft) {
  Object.assign(draft, { state: 'pending', detail: null });
  drawTimeline();
  try {
    const reply = await state.connection.command('send', {
      conversation_id: draft.conversationId,
      message_type: 'text',
      content: draft.content,
      media_ids: [],
      client_message_id: draft.clientMessageId,
    });
    draft.state = 'sent';
    messageArrived(reply.message, { live: false });
  } catch (error) {
    Object.assign(draft, { state: 'failed', detail: error.detail ?? String(error) });
    drawTimeline();
  }
}

function discard(draft) {
  state.drafts = state.drafts.filter((each) => each !== draft);
  drawTimeline();
  focusText();
}

function settleDrafts(messages) {
  if (state.drafts.length === 0) return;
  const keys = new Set(messages.filter((each) => each.sender_id === state.me.id).map((each) => each.client_message_id));
  state.drafts = state.drafts.filter((draft) => !keys.has(draft.clientMessageId));
}

// crypto.randomUUID is missing on pages served over plain HTTP to other machines, as to a phone in the same network.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// --- Reading -------------------------------------------------------------------------------------------------------

async function markRead() {
  const timeline = state.timeline;
  const conversation = state.conversations.get(timeline?.conversationId);
  if (!timeline?.loaded || timeline.markingRead || document.visibilityState !== 'visible') return;
  if (!conversation?.unread_count || conversation.last_read_sequence >= timeline.last) return;
  const number = timeline.last;
  timeline.markingRead = true;
  try {
    const answer = await call('PUT', `${conversationPath(conversation.id)}/read`, { sequence_number: number });
    const current = state.conversations.get(conversation.id);
    // A message that came meanwhile is not in this count; it gets its own turn below.
    if (current?.last_sequence === number) current.unread_count = answer.unread_count;
    if (current) current.last_read_sequence = Math.max(current.last_read_sequence, answer.last_read_sequence);
    timeline.markingRead = false;
    drawConversations();
    if (timeline.last > number) markRead();
  } catch (error) {
    timeline.markingRead = false;
    if (!error.retryable) showProblem(error);
  }
}

// --- What things are called ----------------------------------------------------------------------------------------

// Parley keeps no names of users; the app around it does. Here only the demo's own two have one.
function nameOf(userId) {
  if (userId === state.me?.id) return 'You';
  const user = state.demo?.users.find((each) => each.id === userId);
  return user?.name ?? `User ${userId.slice(0, 8)}`;
}

function otherOf(conversation) {
  return conversation.participant_ids?.find((id) => id !== state.me.id) ?? null;
}

function titleOf(conversation) {
  if (conversation.type === 'group') return conversation.title || `Group of ${conversation.participant_count}`;
  const other = otherOf(conversation);
  return other ? nameOf(other) : 'Direct conversation';
}

// The server's rule for last_message_preview, so that the list reads the same live as after loading it again.
function previewOf(message) {
  if (message.message_type !== 'text') return previewOfType(message);
  const line = message.content.slice(0, 2_000).replace(/\r\n|[\r\n\u2028\u2029]/g, ' ');
  const characters = [...new Intl.Segmenter().segment(line)];
  const preview = characters.slice(0, 100).map((each) => each.segment).join('');
  return characters.length > 100 ? `${preview}...` : preview;
}

function previewOfType({ message_type, media_ids }) {
  switch (message_type) {
    case 'image': return media_ids.length > 1 ? `📷 ${media_ids.length} photos` : '📷 Photo';
    case 'video': return '🎥 Video';
    case 'audio': return '🎵 Audio';
    case 'document': return '📄 Document';
    case 'location': return '📍 Location';
    case 'contact': return '👤 Contact';
    default: return 'Message';
  }
}

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });

function dayOf(time) {
  const day = new Date(time).toDateString();
  return day === new Date().toDateString() ? 'Today' : dayFormat.format(new Date(time));
}

function shortTime(time) {
  const date = new Date(time);
  return date.toDateString() === new Date().toDateString() ? timeFormat.format(date) : dateFormat.format(date);
}

// --- Drawing -------------------------------------------------------------------------------------------------------

function show(part) {
  for (const id of ['choose', 'sign-in', 'chat']) element(id).hidden = id !== part;
}

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Brings the children of `parent` in line with `items` and leaves alone what is already right, so that neither the
// focus nor a selection of text nor the scroll position is lost when something is added.
function arrange(parent, items, create, update) {
  const focused = document.activeElement;
  const existing = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const node = existing.get(item.key) ?? create(item);
    node.dataset.key = item.key;
    update?.(node, item);
    return node;
  });
  const wanted = new Set(nodes);
  for (const node of existing.values()) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

function drawAll() {
  drawConversations();
  drawConversationHead();
  drawTimeline();
}

function drawWho() {
  const others = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id);
  const links = others.map((other) =>
    make('a', { href: addressAs(other), target: '_blank', rel: 'noopener' }, `Open ${other.name} in a second window`));
  const name = state.demo ? state.me.name : state.me.id?.slice(0, 8) ?? '';
  element('who').replaceChildren(make('span', {}, 'You are ', make('strong', {}, name)), ...links);
  element('who').hidden = name === '';
  element('own-user-id').textContent = state.me.id ?? '';
}

function drawConnectionState() {
  const texts = {
    none: '',
    connecting: 'Connecting…',
    open: 'Connected',
    waiting: 'Disconnected, trying again…',
    stopped: 'Disconnected',
  };
  const node = element('connection-state');
  node.dataset.state = state.connectionState.name;
  // Attempt after attempt would be read out otherwise.
  const coming = state.connectionState.name === 'connecting' && node.textContent === texts.waiting;
  if (!coming) node.textContent = texts[state.connectionState.name];
}

const activityOf = (conversation) => conversation.last_message_at ?? conversation.created_at;

function drawConversations() {
  const conversations = [...state.conversations.values()]
    .sort((a, b) => activityOf(b).localeCompare(activityOf(a)) || a.id.localeCompare(b.id))
    .map((conversation) => ({ ...conversation, key: conversation.id }));
  arrange(element('conversation-list'), conversations, makeConversation, updateConversationNode);
  element('no-conversations').hidden = conversations.length > 0;
  element('more-conversations').hidden = !state.nextCursor;
  const unread = conversations.reduce((sum, each) => sum + each.unread_count, 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ''}Parley demo · ${state.demo ? state.me.name : 'You'}`;
}

function makeConversation({ id }) {
  return make('li', {}, make('a', { href: `#${id}` },
    make('span', { class: 'avatar', 'aria-hidden': 'true', 'data-hue': parseInt(id.slice(0, 2), 16) % 6 }),
    make('span', { class: 'name', dir: 'auto' }),
    make('time', {}),
    make('span', { class: 'preview', dir: 'auto' }),
    make('span', { class: 'unread-count' })));
}

function updateConversationNode(node, conversation) {
  const part = (name) => node.querySelector(name);
  const title = titleOf(conversation);
  part('.avatar').textContent = conversation.type === 'group' ? '#' : [...title][0].toUpperCase();
  part('.name').textContent = title;
  part('.preview').textContent = conversation.last_message_preview ?? 'No messages yet';
  part('time').textContent = shortTime(activityOf(conversation));
  part('time').dateTime = activityOf(conversation);
  const count = part('.unread-count');
  count.hidden = conversation.unread_count === 0;
  count.replaceChildren(String(conversation.unread_count), make('span', { class: 'for-readers' }, ' unread'));
  if (conversation.id === state.timeline?.conversationId) part('a').setAttribute('aria-current', 'page');
  else part('a').removeAttribute('aria-current');
}

function drawConversationHead() {
  const conversation = state.conversations.get(state.timeline?.conversationId);
  element('messages').dataset.type = conversation?.type ?? 'direct';
  document.body.dataset.view = state.timeline ? 'conversation' : 'list';
  const title = state.timeline ? 'Conversation' : 'No conversation open';
  element('conversation-title').textContent = conversation ? titleOf(conversation) : title;
  element('conversation-subtitle').textContent = conversation ? subtitleOf(conversation) : '';
  const mayWrite = conversation && conversation.role !== 'read_only';
  element('composer').hidden = !mayWrite;
  element('cannot-write').hidden = !conversation || mayWrite;
}

function subtitleOf(conversation) {
  if (conversation.type === 'direct') return 'Direct conversation';
  return `Group, ${conversation.participant_count} ${conversation.participant_count === 1 ? 'participant' : 'participants'}`;
}

function drawTimeline() {
  const timeline = state.timeline;
  drawLogNote(timeline);
  const before = element('messages').lastElementChild;
  arrange(element('messages'), timeline?.loaded ? rowsOf(timeline) : [], makeRow, updateRow);
  const older = element('older');
  older.hidden = !timeline?.hasOlder;
  older.textContent = timeline?.loadingOlder ? 'Loading older messages…'
    : timeline?.problem ? 'Could not load older messages. Try again'
    : 'Load older messages';
  if (state.atBottom) scrollToBottom();
  else if (before && element('messages').lastElementChild !== before) element('jump').hidden = false;
}

function drawLogNote(timeline) {
  const note = element('log-note');
  note.hidden = timeline !== null && timeline.loaded && (timeline.messages.length > 0 || state.drafts.length > 0);
  if (!timeline) note.textContent = 'Choose a conversation to read it.';
  else if (timeline.loaded) note.textContent = 'No messages yet. Say hello.';
  else if (timeline.problem) {
    const again = make('button', { type: 'button' }, 'Try again');
    again.onclick = () => loadNewest(timeline);
    note.replaceChildren(make('span', {}, timeline.problem.detail), again);
  } else note.textContent = 'Loading…';
}

// What the list shows, from top to bottom: messages by their sequence number, then the drafts.
function rowsOf(timeline) {
  const rows = [];
  let previous = null;
  let unreadShown = false;
  for (const message of timeline.messages) {
    const day = dayOf(message.created_at);
    const dayChanges = !previous || dayOf(previous.created_at) !== day;
    if (dayChanges) rows.push({ key: `day ${new Date(message.created_at).toDateString()}`, kind: 'divider', text: day });
    const isUnread = timeline.readBefore !== null && message.sequence_number > timeline.readBefore
      && message.sender_id !== state.me.id;
    if (isUnread && !unreadShown) rows.push({ key: 'unread', kind: 'divider', text: 'New messages' });
    const follows = !dayChanges && (unreadShown || !isUnread) && previous?.sender_id === message.sender_id;
    unreadShown ||= isUnread;
    if (follows && isSoonAfter(previous, message)) rows.at(-1).continues = true;
    rows.push({ key: `message ${message.sequence_number}`, kind: 'message', message, follows, continues: false });
    previous = message;
  }
  for (const draft of state.drafts) {
    if (draft.conversationId !== timeline.conversationId) continue;
    rows.push({ key: `draft ${draft.clientMessageId}`, kind: 'draft', draft });
  }
  return rows;
}

function isSoonAfter(earlier, later) {
  return Date.parse(later.created_at) - Date.parse(earlier.created_at) < 60_000;
}

function makeRow(row) {
  if (row.kind === 'divider') return make('li', { class: 'divider' }, make('span', {}, row.text));
  return row.kind === 'draft' ? makeDraft(row.draft) : makeMessage(row.message);
}

function makeDraft(draft) {
  return make('li', { class: 'message mine' }, makeBubble('You', makeContent(draft.content)), make('p', { class: 'status' }));
}

function updateRow(node, row) {
  if (row.kind === 'message') {
    node.classList.toggle('follows', row.follows);
    node.classList.toggle('continues', row.continues);
  }
  if (row.kind === 'draft') updateDraft(node, row.draft);
}

function makeMessage(message) {
  const mine = message.sender_id === state.me.id;
  const parts = [];
  if (message.message_type !== 'text') parts.push(make('p', { class: 'media-line' }, previewOfType(message)));
  if (message.content) parts.push(makeContent(message.content));
  if (message.media.length > 0) parts.push(make('ul', { class: 'media' }, ...message.media.map(makeMedia)));
  const created = new Date(message.created_at);
  const time = make('time', { datetime: message.created_at, title: created.toLocaleString() }, timeFormat.format(created));
  const status = make('p', { class: 'status' }, time, ...(mine ? [' · Sent'] : []));
  const bubble = makeBubble(nameOf(message.sender_id), ...parts);
  return make('li', { class: `message ${mine ? 'mine' : 'theirs'}` }, bubble, status);
}

function makeBubble(sender, ...parts) {
  return make('div', { class: 'bubble' }, make('p', { class: 'sender' }, sender), ...parts);
}

function makeContent(content) {
  return make('p', { class: 'content', dir: 'auto' }, content);
}

function makeMedia(media) {
  // The address was written by a user; anything but http could run a script when clicked.
  const safe = /^https?:\/\//i.test(media.url);
  const link = safe ? make('a', { href: media.url, target: '_blank', rel: 'noopener noreferrer' }, media.name) : media.name;
  return make('li', {}, link);
}

function updateDraft(node, draft) {
  node.dataset.state = draft.state;
  const status = node.querySelector('.status');
  const text = draft.state === 'failed' ? `Not sent: ${draft.detail}`
    : draft.state === 'sent' ? 'Sent'
    : state.connectionState.name === 'open' ? 'Sending…' : 'Waiting for the connection…';
  if (status.dataset.text === text) return;
  status.dataset.text = text;
  status.replaceChildren(text);
  if (draft.state !== 'failed') return;
  const retry = make('button', { type: 'button' }, 'Try again');
  retry.onclick = () => {
    transmit(draft);
    focusText();
  };
  const remove = make('button', { type: 'button' }, 'Discard');
  remove.onclick = () => discard(draft);
  status.append(' ', retry, ' ', remove);
  announceText(text);
}

function announce(message) {
  if (message.sender_id !== state.me.id) announceText(`${nameOf(message.sender_id)}: ${previewOf(message)}`);
}

function announceText(text) {
  const announcements = element('announcements');
  announcements.append(make('p', {}, text));
  while (announcements.childElementCount > 20) announcements.firstElementChild.remove();
}

// --- Scrolling -----------------------------------------------------------------------------------------------------

function scrollToBottom() {
  const log = element('log');
  log.scrollTop = log.scrollHeight;
  state.atBottom = true;
  element('jump').hidden = true;
}

// What is added above would push down what is being read, so it is scrolled along. A message tells where it stands to a
// fraction of a pixel; heights of the whole list are rounded.
function keepPlace(draw) {
  const anchor = element('messages').querySelector('.message');
  const before = anchor?.getBoundingClientRect().top;
  draw();
  if (anchor) element('log').scrollTop += anchor.getBoundingClientRect().top - before;
}

function logScrolled() {
  const log = element('log');
  state.atBottom = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  if (state.atBottom) element('jump').hidden = true;
  // After a failure the button asks for the next try, or every pixel scrolled would be one.
  if (log.scrollTop < 300 && !state.timeline?.problem) loadOlder();
}

// --- Problems ------------------------------------------------------------------------------------------------------

// Brings a new token: from /demo/session, or from the form.
const startAgain = { label: 'Start again', act: () => location.reload() };

function showProblem(error, action = error.status === 401 && state.me ? startAgain : null) {
  element('problem').hidden = false;
  const text = error.detail ?? String(error);
  element('problem-text').textContent = error.requestId ? `${text} · request ${error.requestId}` : text;
  const button = element('problem-action');
  button.hidden = action === null;
  button.textContent = action?.label ?? '';
  button.onclick = () => {
    hideProblem();
    action.act();
  };
}

function hideProblem() {
  element('problem').hidden = true;
}

// --- The form for a new conversation -------------------------------------------------------------------------------

function newConversationType() {
  return element('new-conversation-form').elements.type.value;
}

function drawNewConversationForm() {
  const group = newConversationType() === 'group';
  const names = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id).map((each) => each.name);
  element('group-title-field').hidden = !group;
  element('new-conversation-problem').hidden = true;
  element('user-ids-label').textContent = group ? 'User ids of the others' : 'User id of the other person';
  element('user-ids-hint').textContent = [
    group ? 'One in each line, or with commas between them.' : 'A UUID.',
    names.length > 0 ? `“${names[0]}” works too.` : '',
  ].join(' ');
}

function userIdsFrom(text) {
  return text.split(/[\s,;]+/).filter(Boolean).map((word) => {
    const named = state.demo?.users.find((each) => each.name.toLowerCase() === word.toLowerCase());
    return named?.id ?? word.toLowerCase();
  });
}

async function submitNewConversation() {
  const problem = element('new-conversation-problem');
  const type = newConversationType();
  const userIds = userIdsFrom(element('user-ids').value);
  const wrong = userIds.find((id) => !UUID.test(id));
  problem.hidden = true;
  try {
    if (wrong) throw new Problem({ detail: `“${wrong}” is not a user id.` });
    if (type === 'direct' && userIds.length !== 1) {
      throw new Problem({ detail: 'A direct conversation is with exactly one other user.' });
    }
    await startConversation(type, element('group-title').value.trim(), userIds);
    element('new-conversation').close();
  } catch (error) {
    problem.textContent = error.detail ?? String(error);
    problem.hidden = false;
  }
}

// --- The composer --------------------------------------------------------------------------------------------------

function submitText() {
  const text = element('text');
  if (text.value.trim() === '' || !state.timeline) return;
  send(text.value.trim());
  text.value = '';
  fitText();
}

// A phone's keyboard would come up and cover what one came to read.
function focusText() {
  const wanted = matchMedia('(pointer: fine)').matches;
  if (wanted) element('text').focus();
  return wanted;
}

function fitText() {
  const text = element('text');
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
}

function textKeyPressed(event) {
  // Enter also ends the choice of a word with an input method, and phones have no Shift to keep for a new line.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches) return;
  event.preventDefault();
  submitText();
}

// --- Wiring --------------------------------------------------------------------------------------------------------

function onSubmit(id, act) {
  element(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

onSubmit('composer', submitText);
onSubmit('sign-in-form', () => signIn(element('token').value.trim()));
onSubmit('new-conversation-form', submitNewConversation);
element('text').addEventListener('keydown', textKeyPressed);
element('text').addEventListener('input', fitText);
element('log').addEventListener('scroll', logScrolled, { passive: true });
element('older').addEventListener('click', loadOlder);
element('jump').addEventListener('click', scrollToBottom);
element('more-conversations').addEventListener('click', loadMoreConversations);
element('problem-close').addEventListener('click', hideProblem);
element('new-conversation-open').addEventListener('click', () => {
  element('new-conversation-form').reset();
  drawNewConversationForm();
  element('new-conversation').showModal();
  element('user-ids').focus();
});
element('new-conversation-cancel').addEventListener('click', () => element('new-conversation').close());
element('new-conversation-form').addEventListener('change', drawNewConversationForm);
new ResizeObserver(() => state.atBottom && scrollToBottom()).observe(element('log'));
addEventListener('hashchange', openFromAddress);
addEventListener('online', () => state.connection?.retryNow());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible' || !state.me) return;
  state.connection?.retryNow();
  // Another window of the same user may have read meanwhile; the socket does not tell.
  if (state.me.id) refreshConversations();
  markRead();
});

begin();
