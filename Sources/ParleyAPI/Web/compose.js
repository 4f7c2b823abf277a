// Writing and sending. A draft is shown until its message stands in the timeline.

import { state } from './state.js';
import { element } from './page.js';
import { messageArrived } from './conversation.js';
import { drawTimeline } from './timeline.js';

export function submitText() {
  const text = element('text');
  if (text.value.trim() === '' || !state.timeline) return;
  send(text.value.trim());
  text.value = '';
  fitText();
}

function send(content) {
  const draft = { conversationId: state.timeline.conversationId, clientMessageId: randomId(), content };
  state.drafts.push(draft);
  state.atBottom = true;
  transmit(draft);
}

// Trying again keeps the client_message_id: should the server have the message already, it answers with that one.
export async function transmit(draft) {
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

export function discard(draft) {
  state.drafts = state.drafts.filter((each) => each !== draft);
  drawTimeline();
  focusText();
}

export function settleDrafts(messages) {
  if (state.drafts.length === 0) return;
  const keys = new Set(messages.filter((each) => each.sender_id === state.me.id).map((each) => each.client_message_id));
  state.drafts = state.drafts.filter((draft) => !keys.has(draft.clientMessageId));
}

// crypto.randomUUID is missing on pages served over plain HTTP to other machines, as to a phone in the same network.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// A phone's keyboard would come up and cover what one came to read.
export function focusText() {
  const wanted = matchMedia('(pointer: fine)').matches;
  if (wanted) element('text').focus();
  return wanted;
}

export function fitText() {
  const text = element('text');
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
}

export function textKeyPressed(event) {
  // Enter also ends the choice of a word with an input method, and phones have no Shift to keep for a new line.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !matchMedia('(pointer: fine)').matches) return;
  event.preventDefault();
  submitText();
}
