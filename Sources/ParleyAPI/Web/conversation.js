// The conversation that is open: which one, its head, what arrives in it, and that it has been read.

import { UUID, state } from './state.js';
import { announceText, element, showProblem } from './page.js';
import { call, conversationPath } from './api.js';
import { nameOf, previewOf, subtitleOf, titleOf } from './names.js';
import { drawConversations, updateConversation } from './list.js';
import { hold, loadNewest } from './history.js';
import { drawTimeline } from './timeline.js';
import { fitText, focusText, settleDrafts } from './compose.js';

export function openId() {
  const id = location.hash.slice(1).toLowerCase();
  return UUID.test(id) ? id : null;
}

export function openFromAddress() {
  // Without one's own id there is no telling whose message is whose.
  if (!state.me?.id || state.timeline?.conversationId === (openId() ?? undefined)) return;
  closeConversation();
  if (openId()) openConversation(openId());
  else drawAll();
}

export function closeConversation() {
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

export function drawAll() {
  drawConversations();
  drawConversationHead();
  drawTimeline();
}

// From an event or from the reply to `send`, whichever comes first; the second is dropped by its sequence number.
export function messageArrived(message, { live }) {
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

function announce(message) {
  if (message.sender_id !== state.me.id) announceText(`${nameOf(message.sender_id)}: ${previewOf(message)}`);
}

export async function markRead() {
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
