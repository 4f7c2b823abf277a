// Draws the open conversation's messages and keeps the place of whoever reads them.

import { state } from './state.js';
import { arrange, element, make } from './page.js';
import { dayOf } from './names.js';
import { loadNewest, loadOlder } from './history.js';
import { makeRow, updateRow } from './rows.js';

export function drawTimeline() {
  const timeline = state.timeline;
  drawLogNote(timeline);
  const before = element('messages').lastElementChild;
  arrange(element('messages'), timeline?.loaded ? rowsOf(timeline) : [], makeRow, updateRow);
  const older = element('older');
  older.hidden = !timeline?.hasOlder;
  older.textContent = timeline?.loadingOlder ? 'Loading older messages…'
    : timeline?.problem ? 'Could not load older messages. Try again'
    : 'Load older messages';
  if (state.atBottom) scrollToBottom();
  else if (before && element('messages').lastElementChild !== before) element('jump').hidden = false;
}

function drawLogNote(timeline) {
  const note = element('log-note');
  note.hidden = timeline !== null && timeline.loaded && (timeline.messages.length > 0 || state.drafts.length > 0);
  if (!timeline) note.textContent = 'Choose a conversation to read it.';
  else if (timeline.loaded) note.textContent = 'No messages yet. Say hello.';
  else if (timeline.problem) {
    const again = make('button', { type: 'button' }, 'Try again');
    again.onclick = () => loadNewest(timeline);
    note.replaceChildren(make('span', {}, timeline.problem.detail), again);
  } else note.textContent = 'Loading…';
}

// What the list shows, from top to bottom: messages by their sequence number, then the drafts.
function rowsOf(timeline) {
  const rows = [];
  let previous = null;
  let unreadShown = false;
  for (const message of timeline.messages) {
    const day = dayOf(message.created_at);
    const dayChanges = !previous || dayOf(previous.created_at) !== day;
    if (dayChanges) rows.push({ key: `day ${new Date(message.created_at).toDateString()}`, kind: 'divider', text: day });
    const isUnread = timeline.readBefore !== null && message.sequence_number > timeline.readBefore
      && message.sender_id !== state.me.id;
    if (isUnread && !unreadShown) rows.push({ key: 'unread', kind: 'divider', text: 'New messages' });
    const follows = !dayChanges && (unreadShown || !isUnread) && previous?.sender_id === message.sender_id;
    unreadShown ||= isUnread;
    if (follows && isSoonAfter(previous, message)) rows.at(-1).continues = true;
    rows.push({ key: `message ${message.sequence_number}`, kind: 'message', message, follows, continues: false });
    previous = message;
  }
  for (const draft of state.drafts) {
    if (draft.conversationId !== timeline.conversationId) continue;
    rows.push({ key: `draft ${draft.clientMessageId}`, kind: 'draft', draft });
  }
  return rows;
}

function isSoonAfter(earlier, later) {
  return Date.parse(later.created_at) - Date.parse(earlier.created_at) < 60_000;
}

export function scrollToBottom() {
  const log = element('log');
  log.scrollTop = log.scrollHeight;
  state.atBottom = true;
  element('jump').hidden = true;
}

// What is added above would push down what is being read, so it is scrolled along. A message tells where it stands to a
// fraction of a pixel; heights of the whole list are rounded.
export function keepPlace(draw) {
  const anchor = element('messages').querySelector('.message');
  const before = anchor?.getBoundingClientRect().top;
  draw();
  if (anchor) element('log').scrollTop += anchor.getBoundingClientRect().top - before;
}

export function logScrolled() {
  const log = element('log');
  state.atBottom = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  if (state.atBottom) element('jump').hidden = true;
  // After a failure the button asks for the next try, or every pixel scrolled would be one.
  if (log.scrollTop < 300 && !state.timeline?.problem) loadOlder();
}
