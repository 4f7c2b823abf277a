// The connection: a WebSocket, or server-sent events where no WebSocket gets through. Events go from here to the view
// (view.js) and to the parts of the page.

import { GAP_PATIENCE_MS, state } from './state.js';
import { Problem, freshToken, renewInMs } from './api.js';
import { announceText, element, setText, showProblem, soon, startAgain } from './page.js';
import { ParleySocket, newResume } from './socket.js';
import { ParleyEvents } from './events.js';
import { applyEvent } from './view.js';
import { readAgain, readSnapshot } from './snapshot.js';
import { drawAll, drawConversationHead, identified, messageArrived, removed } from './conversation.js';
import { checkTail, refreshTimeline, skipTo } from './history.js';
import { drawTimeline } from './timeline.js';
import { drawConversations } from './list.js';
import { settleDrafts } from './compose.js';
import { markDelivered, markRead, markWaiting } from './markers.js';
import { presenceChanged, watchPresence } from './presence.js';
import { typingArrived } from './typing.js';
import { tellActivityAnew } from './activity.js';
import { loadMembers } from './panel.js';

const REPLAY_LIMIT = 200; // with more than this missed in a conversation, its newest page is read instead
const SOCKET_FAILURES = 3; // in a row, before server-sent events are tried
const SOCKET_AGAIN_MS = 10 * 60_000;
const SAY_LOST_AFTER_MS = 1_500; // most interruptions are shorter, and nobody needs to hear of those

let renewTimer = null;
let lostTimer = null;
let eventsSince = 0;
let missed = null; // while a resumed connection catches up: how many messages have come

export function connect() {
  startWith(newSocket(newResume()));
}

function newSocket(resume) {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/socket`;
  // A pasted token cannot be renewed; given as it is, its end is the end of the connection.
  return new ParleySocket({ url, token: state.demo ? freshToken : state.me.token, resume, replayLimit: REPLAY_LIMIT });
}

function startWith(connection) {
  const before = state.connection;
  state.connection = connection;
  connection.addEventListener('state', ({ detail }) => connection === state.connection && stateChanged(detail));
  connection.addEventListener('event', ({ detail }) => connection === state.connection && eventArrived(detail));
  before?.stop('replaced', 'Another connection takes over.');
  connection.connect();
}

function stateChanged(connectionState) {
  state.connectionState = connectionState;
  drawConnectionState();
  soon(drawTimeline); // drafts tell what they wait for
  if (connectionState.name === 'open') opened(connectionState);
  if (connectionState.name === 'waiting') considerOtherWay(connectionState);
  if (connectionState.name === 'stopped') showProblem(new Problem({ detail: connectionState.detail }), startAgain);
}

function opened({ user_id, resumed, limits }) {
  state.limits = limits;
  identified(user_id);
  missed = 0;
  if (resumed && !state.heldEvents) drawAll();
  else readSnapshot();
  if (state.timeline && !resumed) {
    refreshTimeline(state.timeline);
    loadMembers(state.timeline.conversationId);
  }
  watchPresence({ again: true });
  tellActivityAnew();
  markWaiting();
  clearTimeout(renewTimer);
  const delayMs = Math.min(renewInMs(), 2 ** 31 - 1);
  renewTimer = setTimeout(() => state.connection.renew().catch(() => {}), delayMs);
}

// A server that is down refuses both; one that answers HTTP and never a WebSocket stands behind a proxy without them.
async function considerOtherWay({ failures }) {
  const { connection } = state;
  if (connection instanceof ParleyEvents) {
    if (Date.now() - eventsSince > SOCKET_AGAIN_MS) startWith(newSocket(connection.resume));
  } else if (failures >= SOCKET_FAILURES && (await answersHTTP()) && connection === state.connection && !connection.isOpen) {
    eventsSince = Date.now();
    const token = state.demo ? freshToken : state.me.token;
    startWith(new ParleyEvents({ origin: location.origin, token, resume: connection.resume, replayLimit: REPLAY_LIMIT }));
  }
}

const answersHTTP = () => fetch('/health/live', { cache: 'no-store' }).then((response) => response.ok, () => false);

function eventArrived(event) {
  if (state.heldEvents) state.heldEvents.push(event);
  else applyToView(event);
  switch (event.type) {
    case 'message': return arrived(event.message);
    case 'conversation': return event.change === 'removed' ? removed(event.conversation_id) : soon(drawAll);
    case 'participant': case 'mute': return soon(drawAll);
    case 'read': return soon(drawMarkers);
    case 'delivered': case 'receipts': return soon(drawTimeline);
    case 'typing': return typingArrived(event);
    case 'presence': return presenceChanged([event]);
    case 'skipped': return skipTo(event);
    case 'heartbeat': return setTimeout(() => heartbeatArrived(event), GAP_PATIENCE_MS);
    case 'caught_up': return caughtUp();
  }
}

export function applyToView(event) {
  for (const id of applyEvent(state.view, event)) readAgain(id);
  soon(drawConversations);
}

function arrived(message) {
  const mine = message.sender_id === state.me.id;
  if (missed !== null) missed += mine ? 0 : 1;
  settleDrafts([message]);
  if (!mine) markDelivered(message.conversation_id, message.sequence_number);
  messageArrived(message, { announce: missed === null && !mine });
}

// What was missed is told as one sentence, not message by message.
function caughtUp() {
  if (missed > 0) announceText(missed === 1 ? 'One message came while you were away' : `${missed} messages came while you were away`);
  missed = null;
  markRead();
}

// The numbers show a lost tail, which no later message would.
function heartbeatArrived({ sequences = {} }) {
  if (state.heldEvents) return;
  for (const [id, number] of Object.entries(sequences)) {
    const conversation = state.view.conversations.get(id);
    if (conversation && conversation.last_sequence < number) readAgain(id);
    if (id === state.timeline?.conversationId) checkTail(state.timeline, number);
  }
}

function drawMarkers() {
  drawConversations();
  drawTimeline();
}

// MARK: What is shown of it

function drawConnectionState() {
  const { name } = state.connectionState;
  document.body.dataset.connection = name;
  element('connection-state').dataset.state = name;
  clearTimeout(lostTimer);
  if (name === 'open' || name === 'stopped') sayState();
  else lostTimer = setTimeout(sayState, element('offline').hidden ? SAY_LOST_AFTER_MS : 0);
}

function sayState() {
  const { name } = state.connectionState;
  const texts = { open: 'Connected', stopped: 'Disconnected' };
  // Attempt after attempt would be read out otherwise.
  setText(element('connection-state'), texts[name] ?? 'Reconnecting…');
  const lost = name === 'connecting' || name === 'waiting';
  element('offline').hidden = !lost;
  setText(element('offline-text'), navigator.onLine
    ? 'No connection. What you write is sent as soon as it is back.'
    : 'You are offline. What you write is sent as soon as you are back.');
  drawConversationHead();
}

