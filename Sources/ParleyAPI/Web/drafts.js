// What was written and is not stored by the server yet, kept by the browser so that a reload or a crash loses nothing.
//
// Each draft has an entry of its own, named by its client_message_id. Several windows of one user may then send the same
// draft; the server stores it once.

import { state } from './state.js';

const draftKey = (id) => `parley.draft.${state.me.id}.${id}`;
const textKey = (conversationId) => `parley.text.${state.me.id}.${conversationId}`;

export function keepDraft({ state: _, detail: __, ...draft }) {
  write(draftKey(draft.clientMessageId), JSON.stringify(draft));
}

export function forgetDraft({ clientMessageId }) {
  write(draftKey(clientMessageId), null);
}

// The oldest first: the order in which they were written is the order in which they are sent.
export function keptDrafts() {
  const prefix = draftKey('');
  const drafts = keys().filter((key) => key.startsWith(prefix)).map((key) => JSON.parse(localStorage.getItem(key)));
  return drafts.sort((a, b) => a.writtenAt - b.writtenAt);
}

// A text that is being written, per conversation.
export const keepTextOf = (conversationId, text) => write(textKey(conversationId), text || null);
export const keptTextOf = (conversationId) => read(textKey(conversationId)) ?? '';

// A browser may refuse to store (private windows, full disks); then the page works as before, without a memory.
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {}
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}
