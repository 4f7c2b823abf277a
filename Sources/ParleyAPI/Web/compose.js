// Writing and sending. A draft is shown until its message stands in the timeline.

import { state } from './state.js';
import { element, soon } from './page.js';
import { forgetDraft, keepDraft, keepTextOf, keptDrafts, keptTextOf } from './drafts.js';
import { hold } from './history.js';
import { drawTimeline, scrollToBottom } from './timeline.js';
import { stopTyping, typed } from './typing.js';

const TRIES = 5; // with an error that may pass
const TRY_AGAIN_MS = 1_000;

export function submitText() {
  const text = element('text');
  if (text.value.trim() === '' || !state.timeline) return;
  send({ content: text.value.trim() });
  text.value = '';
  textChanged();
}

export function send({ messageType = 'text', content = '', media = [] }) {
  const { timeline } = state;
  const draft = {
    conversationId: timeline.conversationId, clientMessageId: randomId(), messageType, content, media, writtenAt: Date.now(),
  };
  state.drafts.push(draft);
  keepDraft(draft);
  stopTyping();
  timeline.readBefore = null;
  transmit(draft);
  scrollToBottom();
}

// Those of an earlier visit, and of a window that was closed too soon.
export function sendKeptDrafts() {
  const known = new Set(state.drafts.map((each) => each.clientMessageId));
  const kept = keptDrafts().filter((each) => !known.has(each.clientMessageId));
  state.drafts.push(...kept);
  kept.forEach((draft) => transmit(draft));
}

// Trying again keeps the client_message_id: should the server have the message already, it answers with that one.
export async function transmit(draft, triesLeft = TRIES) {
  Object.assign(draft, { state: 'pending', detail: null });
  soon(drawTimeline);
  const { connection } = state;
  try {
    const { message } = await connection.send({
      conversation_id: draft.conversationId,
      message_type: draft.messageType,
      content: draft.content,
      media_ids: draft.media.map((each) => each.id),
      client_message_id: draft.clientMessageId,
    });
    draft.state = 'sent';
    forgetDraft(draft);
    // The event tells the list; the reply only makes sure that the message is seen where it was written.
    if (state.timeline?.conversationId === draft.conversationId) hold(state.timeline, message);
    else settleDrafts([message]);
  } catch (error) {
    if (connection !== state.connection) return transmit(draft);
    if (error.retryable && error.code !== 'stopped' && triesLeft > 0) {
      return setTimeout(() => transmit(draft, triesLeft - 1), error.retryAfterMs ?? TRY_AGAIN_MS);
    }
    Object.assign(draft, { state: 'failed', detail: error.detail ?? String(error) });
  }
  soon(drawTimeline);
}

export function discard(draft) {
  state.drafts = state.drafts.filter((each) => each !== draft);
  forgetDraft(draft);
  drawTimeline();
  focusText();
}

export function settleDrafts(messages) {
  if (state.drafts.length === 0) return;
  const keys = new Set(messages.filter((each) => each.sender_id === state.me.id).map((each) => each.client_message_id));
  const settled = state.drafts.filter((draft) => keys.has(draft.clientMessageId));
  settled.forEach(forgetDraft);
  state.drafts = state.drafts.filter((draft) => !settled.includes(draft));
}

// crypto.randomUUID is missing on pages served over plain HTTP to other machines, as to a phone in the same network.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// MARK: The field

// A phone's keyboard would come up and cover what one came to read.
export function focusText() {
  const wanted = matchMedia('(pointer: fine)').matches;
  if (wanted) element('text').focus();
  return wanted && document.activeElement === element('text');
}

export const keepText = () => keepTextOf(state.timeline.conversationId, element('text').value);

export function takeText() {
  element('text').value = keptTextOf(state.timeline.conversationId);
  fitText();
}

export function textChanged() {
  fitText();
  keepText();
  typed(element('text').value);
}

function fitText() {
  const text = element('text');
  text.style.height = 'auto';
  if (text.value !== '') text.style.height = `${text.scrollHeight + 2}px`;
  element('composer').classList.toggle('is-empty', text.value.trim() === '');
}

export function textKeyPressed(event) {
  // Enter also ends the choice of a word with an input method, and phones have no Shift to keep for a new line.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches) return;
  event.preventDefault();
  submitText();
}
