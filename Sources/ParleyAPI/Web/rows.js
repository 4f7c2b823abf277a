// The rows of a timeline: messages, drafts and dividers.

import { state } from './state.js';
import { announceText, make } from './page.js';
import { nameOf, previewOfType, timeFormat } from './names.js';
import { discard, focusText, transmit } from './compose.js';

export function makeRow(row) {
  if (row.kind === 'divider') return make('li', { class: 'divider' }, make('span', {}, row.text));
  return row.kind === 'draft' ? makeDraft(row.draft) : makeMessage(row.message);
}

export function updateRow(node, row) {
  if (row.kind === 'message') {
    node.classList.toggle('follows', row.follows);
    node.classList.toggle('continues', row.continues);
  }
  if (row.kind === 'draft') updateDraft(node, row.draft);
}

function makeMessage(message) {
  const mine = message.sender_id === state.me.id;
  const parts = [];
  if (message.message_type !== 'text') parts.push(make('p', { class: 'media-line' }, previewOfType(message)));
  if (message.content) parts.push(makeContent(message.content));
  if (message.media.length > 0) parts.push(make('ul', { class: 'media' }, ...message.media.map(makeMedia)));
  const created = new Date(message.created_at);
  const time = make('time', { datetime: message.created_at, title: created.toLocaleString() }, timeFormat.format(created));
  const status = make('p', { class: 'status' }, time, ...(mine ? [' · Sent'] : []));
  const bubble = makeBubble(nameOf(message.sender_id), ...parts);
  return make('li', { class: `message ${mine ? 'mine' : 'theirs'}` }, bubble, status);
}

function makeBubble(sender, ...parts) {
  return make('div', { class: 'bubble' }, make('p', { class: 'sender' }, sender), ...parts);
}

function makeContent(content) {
  return make('p', { class: 'content', dir: 'auto' }, content);
}

function makeMedia(media) {
  // The address was written by a user; anything but http could run a script when clicked.
  const safe = /^https?:\/\//i.test(media.url);
  const link = safe ? make('a', { href: media.url, target: '_blank', rel: 'noopener noreferrer' }, media.name) : media.name;
  return make('li', {}, link);
}

function makeDraft(draft) {
  return make('li', { class: 'message mine' }, makeBubble('You', makeContent(draft.content)), make('p', { class: 'status' }));
}

function updateDraft(node, draft) {
  node.dataset.state = draft.state;
  const status = node.querySelector('.status');
  const text = draft.state === 'failed' ? `Not sent: ${draft.detail}`
    : draft.state === 'sent' ? 'Sent'
    : state.connectionState.name === 'open' ? 'Sending…' : 'Waiting for the connection…';
  if (status.dataset.text === text) return;
  status.dataset.text = text;
  status.replaceChildren(text);
  if (draft.state !== 'failed') return;
  const retry = make('button', { type: 'button' }, 'Try again');
  retry.onclick = () => {
    transmit(draft);
    focusText();
  };
  const remove = make('button', { type: 'button' }, 'Discard');
  remove.onclick = () => discard(draft);
  status.append(' ', retry, ' ', remove);
  announceText(text);
}
