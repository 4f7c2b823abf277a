// The conversation that is open: which one, its head, and what arrives in it.

import { UUID, openConversation, state } from './state.js';
import { announceText, element, setText, showProblem, soon } from './page.js';
import { drawAvatar, drawConversationAvatar, nameOf, otherOf, participantsOf, titleOf } from './names.js';
import { previewOf } from './view.js';
import { drawConversations } from './list.js';
import { hold, loadNewest, newTimeline } from './history.js';
import { drawTimeline } from './timeline.js';
import { focusText, keepText, takeText } from './compose.js';
import { markRead } from './markers.js';
import { isOnline, presenceText, watchPresence } from './presence.js';
import { forgetTyping, stopTyping, typingIn } from './typing.js';
import { beginPush } from './push.js';
import { closePanel, drawPanel, loadMembers } from './panel.js';

export function openId() {
  const id = location.hash.slice(1).toLowerCase();
  return UUID.test(id) ? id : null;
}

export function openFromAddress() {
  // Without one's own id there is no telling whose message is whose.
  if (!state.me?.id || state.timeline?.conversationId === (openId() ?? undefined)) return;
  leave();
  if (openId()) enter(openId());
  else drawAll();
}

function leave() {
  if (!state.timeline) return;
  stopTyping();
  keepText();
  clearTimeout(state.timeline.catchUpTimer);
  state.timeline = null;
  closePanel();
  element('messages').replaceChildren();
}

function enter(id) {
  state.timeline = newTimeline(id);
  state.atBottom = true;
  takeText();
  drawAll();
  loadNewest(state.timeline);
  loadMembers(id);
  watchPresence();
  if (!focusText()) element('conversation-title').focus();
}

// With a pasted token it is the server that says whose it is.
export function identified(userId) {
  if (state.me.id === userId) return;
  state.me.id = state.view.userId = userId;
  drawWho();
  openFromAddress();
  beginPush();
}

// Somebody took us out of it, or it was never ours to see.
export function removed(id, error = null) {
  state.view.conversations.delete(id);
  if (state.timeline?.conversationId === id) {
    leave();
    history.replaceState(null, '', '#');
    if (error) showProblem(error);
  }
  soon(drawAll);
}

// From an event, or from the reply to `send`, whichever comes first; the second is dropped by its sequence number.
export function messageArrived(message, { announce }) {
  const isOpen = state.timeline?.conversationId === message.conversation_id;
  forgetTyping(message.conversation_id, message.sender_id);
  if (isOpen) hold(state.timeline, message);
  soon(drawTimeline);
  if (announce && isOpen) announceText(`${nameOf(message.sender_id)}: ${previewOf(message)}`);
  if (isOpen) soon(markRead);
}

export function drawAll() {
  drawConversations();
  drawConversationHead();
  drawTimeline();
  drawPanel();
}

export function drawConversationHead() {
  const conversation = openConversation();
  document.body.dataset.view = state.timeline ? 'conversation' : 'list';
  element('messages').dataset.type = conversation?.type ?? 'direct';
  element('conversation-bar').hidden = !state.timeline;
  setText(element('conversation-title'), conversation ? titleOf(conversation) : state.timeline ? 'Conversation' : 'No conversation open');
  setText(element('conversation-subtitle'), conversation ? subtitleOf(conversation) : '');
  element('conversation-avatar').hidden = element('panel-open').hidden = !conversation;
  if (conversation) drawConversationAvatar(element('conversation-avatar'), conversation);
  element('conversation-avatar').classList.toggle('online', isOnline(otherOf(conversation)));
  const mayWrite = conversation && conversation.role !== 'read_only';
  const appears = mayWrite && element('composer').hidden;
  element('composer').hidden = !mayWrite;
  if (appears && document.activeElement === element('conversation-title')) focusText();
  element('cannot-write').hidden = !conversation || mayWrite;
}

// A phone shows the list, with its word on the connection, or this.
function subtitleOf(conversation) {
  if (!element('offline').hidden) return 'Reconnecting…';
  const typing = typingIn(conversation.id);
  if (typing) return typing;
  const other = otherOf(conversation);
  return other ? presenceText(other) : participantsOf(conversation);
}

export function drawWho() {
  const { id, name } = state.me;
  setText(element('who'), state.demo ? name : id ? `User ${id.slice(0, 8)}` : 'You');
  setText(element('own-user-id'), id ?? '');
  if (id) drawAvatar(element('own-avatar'), id, element('who').textContent);
}
