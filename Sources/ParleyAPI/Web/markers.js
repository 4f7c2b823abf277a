// What is told to the others of how far one has come: delivered for every conversation, read for the one that is looked at.
// Both only advance, so telling late, or twice, does no harm.

import { openConversation, state } from './state.js';
import { showProblem, soon } from './page.js';
import { applyOwnRead } from './view.js';
import { readAgain } from './snapshot.js';
import { drawConversations } from './list.js';

const DELIVERED_INTERVAL_MS = 1_000;
const DELIVERED_AT_ONCE = 20;

const delivered = new Map(); // conversation → the highest number that is not told yet
let deliveredTimer = null;

export function markDelivered(conversationId, number) {
  delivered.set(conversationId, Math.max(number, delivered.get(conversationId) ?? 0));
  deliveredTimer ??= setTimeout(tellDelivered, 0);
}

// Told at once, then at most once a second.
function tellDelivered() {
  deliveredTimer = null;
  if (!state.connection?.isOpen) return; // goes on when it is open again
  for (const [conversation_id, sequence_number] of [...delivered].slice(0, DELIVERED_AT_ONCE)) {
    delivered.delete(conversation_id);
    if (state.view.conversations.get(conversation_id)?.last_read_sequence >= sequence_number) continue; // read says as much
    state.connection.command('delivered', { conversation_id, sequence_number }).catch((error) => {
      if (error.retryable) markDelivered(conversation_id, sequence_number);
    });
  }
  deliveredTimer = setTimeout(() => {
    deliveredTimer = null;
    if (delivered.size > 0) tellDelivered();
  }, DELIVERED_INTERVAL_MS);
}

// After an interruption: what could not be told in it.
export function markWaiting() {
  if (delivered.size > 0) deliveredTimer ??= setTimeout(tellDelivered, 0);
  markRead();
}

// Read is what has been at the bottom of a visible window.
export async function markRead() {
  const { timeline } = state;
  const conversation = openConversation();
  if (!conversation || !timeline.loaded || timeline.markingRead || document.visibilityState !== 'visible') return;
  if (!state.atBottom || timeline.cut || conversation.unread_count === 0) return;
  const number = timeline.last;
  if (number <= conversation.last_read_sequence || !state.connection?.isOpen) return;
  timeline.markingRead = true;
  const read = { conversation_id: conversation.id, sequence_number: number };
  try {
    const { last_read_sequence: sequence_number, unread_count, last_sequence } = await state.connection.command('read', read);
    const event = { conversation_id: conversation.id, sequence_number, unread_count, last_sequence };
    for (const id of applyOwnRead(state.view, event)) readAgain(id);
    timeline.markingRead = false;
    drawConversations();
    soon(markRead); // for what came meanwhile
  } catch (error) {
    timeline.markingRead = false;
    if (!error.retryable) showProblem(error);
  }
}
