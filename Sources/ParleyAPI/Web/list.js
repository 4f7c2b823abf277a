// The conversation list: kept up with events, read again whenever the connection opens.

import { GAP_PATIENCE_MS, state } from './state.js';
import { arrange, element, make, showProblem, startAgain } from './page.js';
import { call, conversationPath } from './api.js';
import { previewOf, shortTime, titleOf } from './names.js';
import { closeConversation, drawAll } from './conversation.js';

const MOVING_FIELDS = [
  'last_sequence', 'last_message_id', 'last_message_at', 'last_message_preview', 'last_read_sequence', 'unread_count',
];

export async function refreshConversations() {
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

export async function loadMoreConversations() {
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
export async function fetchConversation(id, triesLeft = 5) {
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

export function updateConversation(message) {
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

export async function startConversation(type, title, userIds) {
  const body = { type, participant_ids: userIds };
  if (type === 'group') body.title = title || null;
  const conversation = await call('POST', '/v1/conversations', body);
  remember(conversation);
  drawConversations();
  location.hash = conversation.id;
}

const activityOf = (conversation) => conversation.last_message_at ?? conversation.created_at;

export function drawConversations() {
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
