// Reading the conversations: the list whenever a connection does not resume, and single ones of which events told too little.

import { GAP_PATIENCE_MS, state } from './state.js';
import { showProblem, soon, startAgain } from './page.js';
import { call, conversationPath } from './api.js';
import { newView, putConversation } from './view.js';
import { applyToView } from './live.js';
import { drawAll, removed } from './conversation.js';
import { drawConversations } from './list.js';
import { markWaiting, markDelivered } from './markers.js';
import { watchPresence } from './presence.js';

const RETRY_DELAY_MS = 3_000;

// Events that come while the snapshot is on its way are held, and applied on top of it.
export async function readSnapshot() {
  const held = (state.heldEvents = []);
  try {
    const page = await call('GET', '/v1/conversations');
    if (state.heldEvents !== held) return; // a newer one is on its way
    startFrom(page);
    state.heldEvents = null;
    for (const event of held) applyToView(event);
    drawAll();
    watchPresence();
    markWaiting();
  } catch (error) {
    if (state.heldEvents !== held) return;
    if (error.status === 401) return showProblem(error, startAgain);
    // Without a connection its own state says so, and coming back reads the list again.
    if (state.connectionState.name !== 'open') return;
    if (!error.retryable) return showProblem(error, { label: 'Try again', act: readSnapshot });
    setTimeout(() => state.heldEvents === held && readSnapshot(), RETRY_DELAY_MS);
  }
}

// The conversation that is open may be further down than the first page.
function startFrom(page) {
  const open = state.view.conversations.get(state.timeline?.conversationId);
  const members = state.view.members.get(open?.id);
  state.view = newView(state.me.id);
  if (open) state.view.conversations.set(open.id, open);
  if (members) state.view.members.set(open.id, members);
  for (const conversation of page.conversations) {
    if (!putConversation(state.view, conversation)) readAgain(conversation.id);
    if (conversation.unread_count > 0) markDelivered(conversation.id, conversation.last_sequence);
  }
  if (open && !page.conversations.some((each) => each.id === open.id)) readAgain(open.id);
  state.nextCursor = page.next_cursor;
}

export async function readMore() {
  try {
    const page = await call('GET', `/v1/conversations?cursor=${encodeURIComponent(state.nextCursor)}`);
    for (const conversation of page.conversations) putConversation(state.view, conversation);
    state.nextCursor = page.next_cursor;
    drawConversations();
  } catch (error) {
    showProblem(error);
  }
}

// One conversation, soon, and once however often it is asked for meanwhile.
const asked = new Set();

export function readAgain(id) {
  if (asked.has(id)) return;
  asked.add(id);
  setTimeout(() => {
    asked.delete(id);
    readConversation(id);
  }, GAP_PATIENCE_MS);
}

// Also how a removal is noticed: the answer tells whether we may still see the conversation.
export async function readConversation(id) {
  try {
    const isFresh = putConversation(state.view, await call('GET', conversationPath(id)));
    if (!isFresh) readAgain(id);
    soon(drawAll);
    watchPresence();
  } catch (error) {
    if (error.status === 403 || error.status === 404) return removed(id, error);
    if (!error.retryable) showProblem(error);
  }
}
