// The rows of a timeline: messages, drafts and dividers.

import { openConversation, state } from './state.js';
import { announceText, make, setText, spoken } from './page.js';
import { drawAvatar, hueOf, knownName, nameOf, timeFormat } from './names.js';
import { receiptsOf } from './view.js';
import { icon } from './icons.js';
import { makeContents } from './contents.js';
import { discard, focusText, transmit } from './compose.js';

export function makeRow(row) {
  switch (row.kind) {
    case 'day': return make('li', { class: 'day' }, make('span', {}, row.text));
    case 'unread': return make('li', { class: 'unread-line' }, make('span', {}, row.text));
    case 'draft': return makeDraft(row.draft);
    default: return makeMessage(row.message);
  }
}

export function updateRow(node, row) {
  if (row.kind === 'day') setText(node.firstChild, row.text);
  if (row.kind !== 'message' && row.kind !== 'draft') return;
  node.classList.toggle('follows', row.follows);
  node.classList.toggle('continues', row.continues);
  if (row.kind === 'draft') updateDraft(node, row.draft);
  else if (row.message.sender_id === state.me.id) drawTicks(node, stateOf(row.message));
}

function makeMessage(message) {
  const mine = message.sender_id === state.me.id;
  const created = new Date(message.created_at);
  const time = make('time', { datetime: message.created_at, title: created.toLocaleString() }, timeFormat.format(created));
  const node = makeBubble(mine, message.sender_id, makeContents(message), time);
  node.classList.toggle('wide', message.media.length > 0 || message.message_type === 'location');
  return node;
}

function makeBubble(mine, senderId, contents, time) {
  const sender = make('p', { class: 'sender', 'data-hue': hueOf(senderId) }, nameOf(senderId));
  const meta = make('span', { class: 'meta' }, time);
  if (mine) meta.append(make('span', { class: 'ticks' }));
  // The time stands at the end of the text, so that a short message takes one line.
  const text = contents.find((node) => node.classList.contains('content'));
  if (text) text.append(meta);
  else contents.push(meta);
  const parts = [make('div', { class: 'bubble' }, sender, ...contents)];
  if (!mine) parts.unshift(makeAvatar(senderId));
  return make('li', { class: `message ${mine ? 'mine' : 'theirs'}` }, ...parts);
}

function makeAvatar(userId) {
  const avatar = make('span', { class: 'avatar small', 'aria-hidden': 'true' });
  drawAvatar(avatar, userId, knownName(userId));
  return avatar;
}

// MARK: How far a message has come

function stateOf(message) {
  const { others, delivered, read } = receiptsOf(state.view, message.conversation_id, message.sequence_number);
  const isGroup = openConversation()?.type === 'group';
  const some = (word, count) => (isGroup && count < others ? `${word} ${count} of ${others}` : null);
  if (others > 0 && read >= others) return { name: 'read', text: 'Read' };
  if (others > 0 && delivered >= others) return { name: 'delivered', text: read > 0 ? some('Read by', read) ?? 'Delivered' : 'Delivered' };
  if (read > 0) return { name: 'sent', text: some('Read by', read) ?? 'Sent' };
  return { name: 'sent', text: delivered > 0 ? some('Delivered to', delivered) ?? 'Sent' : 'Sent' };
}

const TICKS = { pending: 'pending', sent: 'sent', delivered: 'delivered', read: 'delivered', failed: 'alert' };

function drawTicks(node, { name, text }) {
  const ticks = node.querySelector('.ticks');
  if (ticks.dataset.state === name && ticks.title === text) return;
  if (ticks.dataset.state !== name) ticks.replaceChildren(icon(TICKS[name]), spoken(''));
  ticks.dataset.state = name;
  ticks.title = text;
  setText(ticks.lastChild, ` ${text}`);
}

// MARK: Drafts

function makeDraft(draft) {
  const message = { message_type: draft.messageType, content: draft.content, media: draft.media };
  const written = new Date(draft.writtenAt);
  const node = makeBubble(true, state.me.id, makeContents(message), make('time', {}, timeFormat.format(written)));
  node.classList.toggle('wide', draft.media.length > 0 || draft.messageType === 'location');
  node.append(make('p', { class: 'failure', hidden: '' }));
  return node;
}

function updateDraft(node, draft) {
  const texts = { pending: state.connectionState.name === 'open' ? 'Sending' : 'Waiting for the connection', sent: 'Sent', failed: 'Not sent' };
  drawTicks(node, { name: draft.state, text: texts[draft.state] });
  node.dataset.state = draft.state;
  const failure = node.querySelector('.failure');
  failure.hidden = draft.state !== 'failed';
  if (failure.hidden || failure.dataset.detail === draft.detail) return;
  failure.dataset.detail = draft.detail;
  const retry = make('button', { type: 'button', class: 'link' }, 'Try again');
  retry.onclick = () => {
    failure.dataset.detail = '';
    transmit(draft);
    focusText();
  };
  const remove = make('button', { type: 'button', class: 'link' }, 'Discard');
  remove.onclick = () => discard(draft);
  failure.replaceChildren(`Not sent: ${draft.detail} `, retry, ' ', remove);
  announceText(`Not sent: ${draft.detail}`);
}
