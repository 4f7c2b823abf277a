// Typing: told while one writes, shown while others do. It is never stored, so every sign of it runs out by itself.

import { state } from './state.js';
import { element, setText, soon } from './page.js';
import { nameOf } from './names.js';
import { drawConversations } from './list.js';
import { drawConversationHead } from './conversation.js';
import { keepBottom } from './timeline.js';

const FORGET_AFTER_MS = 6_000;

const typing = new Map(); // conversation → user → the timer that forgets
let toldAt = 0; // when it was last said that one types in the open conversation; 0 when one does not

export function typingArrived({ conversation_id, user_id, is_typing }) {
  if (user_id === state.me.id) return; // one's own, on another device
  forgetTyping(conversation_id, user_id);
  if (!is_typing) return;
  if (!typing.has(conversation_id)) typing.set(conversation_id, new Map());
  const timer = setTimeout(() => forgetTyping(conversation_id, user_id), FORGET_AFTER_MS);
  typing.get(conversation_id).set(user_id, timer);
  soon(drawTyping);
}

export function forgetTyping(conversationId, userId) {
  const users = typing.get(conversationId);
  clearTimeout(users?.get(userId));
  if (users?.delete(userId)) soon(drawTyping);
}

// “Ben is typing…”, or null.
export function typingIn(conversationId) {
  const names = [...(typing.get(conversationId)?.keys() ?? [])].map(nameOf);
  if (names.length === 0) return null;
  if (names.length > 2) return `${names.length} people are typing…`;
  return `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
}

function drawTyping() {
  const text = typingIn(state.timeline?.conversationId);
  keepBottom(() => {
    element('typing').hidden = text === null;
    setText(element('typing-text'), text ?? '');
  });
  drawConversations();
  drawConversationHead();
}

// Said when it begins and again at the interval that the server asks for; as nobody reads faster, not more often.
export function typed(text) {
  if (text.trim() === '') return stopTyping();
  if (Date.now() - toldAt < (state.limits.typing_interval_ms ?? 3_000)) return;
  toldAt = Date.now();
  tell(true);
}

export function stopTyping() {
  if (toldAt === 0) return;
  const isShown = Date.now() - toldAt < FORGET_AFTER_MS;
  toldAt = 0;
  if (isShown) tell(false);
}

function tell(is_typing) {
  if (!state.timeline || !state.connection?.isOpen) return;
  state.connection.command('typing', { conversation_id: state.timeline.conversationId, is_typing }).catch(() => {});
}
