// Draws the open conversation's messages and keeps the place of whoever reads them.

import { openConversation, state } from './state.js';
import { arrange, element, make, setText, soon } from './page.js';
import { dayOf } from './names.js';
import { icon } from './icons.js';
import { loadNewer, loadNewest, loadOlder } from './history.js';
import { makeRow, updateRow } from './rows.js';
import { markRead } from './markers.js';

const BOTTOM_WITHIN = 60;
const LOAD_WITHIN = 400;

export function drawTimeline() {
  const { timeline } = state;
  drawLogNote(timeline);
  keepBottom(() => arrangeLog(timeline));
  drawJump();
}

function arrangeLog(timeline) {
  arrange(element('messages'), timeline?.loaded ? rowsOf(timeline) : [], makeRow, updateRow);
  const older = element('older');
  older.hidden = !timeline?.hasOlder;
  setText(older, timeline?.loadingOlder ? 'Loading older messages…'
    : timeline?.problem ? 'Could not load older messages. Try again'
    : 'Load older messages');
}

function drawLogNote(timeline) {
  const note = element('log-note');
  const isEmpty = timeline?.loaded && timeline.messages.length === 0 && state.drafts.length === 0;
  note.hidden = Boolean(timeline?.loaded && !isEmpty);
  const key = !timeline ? 'none' : isEmpty ? 'empty' : timeline.problem ? timeline.problem.detail : 'loading';
  if (note.hidden || note.dataset.key === key) return;
  note.dataset.key = key;
  if (!timeline) note.replaceChildren(icon('mark'), make('p', {}, 'Choose a conversation to read it.'));
  else if (isEmpty) note.replaceChildren(make('p', {}, 'No messages yet. Say hello.'));
  else if (timeline.problem) {
    const again = make('button', { type: 'button' }, 'Try again');
    again.onclick = () => loadNewest(timeline);
    note.replaceChildren(make('p', {}, timeline.problem.detail), again);
  } else note.replaceChildren(make('p', { class: 'loading' }, 'Loading…'));
}

// What the list shows, from top to bottom: messages by their sequence number, then the drafts.
function rowsOf(timeline) {
  const rows = [];
  let previous = null;
  let unreadShown = false;
  for (const message of timeline.messages) {
    const day = dayOf(message.created_at);
    const dayChanges = !previous || dayOf(previous.created_at) !== day;
    if (dayChanges) rows.push({ key: `day ${new Date(message.created_at).toDateString()}`, kind: 'day', text: day });
    const isUnread = timeline.readBefore !== null && message.sequence_number > timeline.readBefore
      && message.sender_id !== state.me.id;
    if (isUnread && !unreadShown) rows.push({ key: 'unread', kind: 'unread', text: 'New messages' });
    const follows = !dayChanges && (unreadShown || !isUnread) && isRun(previous, message);
    unreadShown ||= isUnread;
    if (follows) rows.at(-1).continues = true;
    rows.push({ key: `message ${message.sequence_number}`, kind: 'message', message, follows, continues: false });
    previous = message;
  }
  for (const draft of state.drafts) {
    if (draft.conversationId !== timeline.conversationId) continue;
    const follows = previous?.sender_id === state.me.id;
    if (follows) rows.at(-1).continues = true;
    rows.push({ key: `draft ${draft.clientMessageId}`, kind: 'draft', draft, follows, continues: false });
    previous = { sender_id: state.me.id };
  }
  return rows;
}

// Of one person, within a few minutes.
function isRun(earlier, later) {
  const minutes = (Date.parse(later.created_at) - Date.parse(earlier.created_at)) / 60_000;
  return earlier.sender_id === later.sender_id && minutes < 5;
}

// MARK: The place

function heightBelow() {
  const log = element('log');
  return log.scrollHeight - log.scrollTop - log.clientHeight;
}

// Who is at the end stays there when something is added. The place itself is asked too: somebody may have scrolled a
// moment ago, and the event that tells comes with the next frame.
export function keepBottom(draw) {
  const stays = state.atBottom && heightBelow() < BOTTOM_WITHIN && !state.timeline?.cut;
  draw();
  if (stays) scrollToBottom();
}

export function scrollToBottom() {
  const log = element('log');
  log.scrollTop = log.scrollHeight;
  state.atBottom = true;
  drawJump();
}

// To the line above the first unread message when there is more below it than fits, else to the end.
export function showFirstUnread() {
  scrollToBottom();
  const log = element('log');
  const line = element('messages').querySelector('.unread-line');
  const above = line ? line.getBoundingClientRect().top - log.getBoundingClientRect().top : 0;
  if (above >= 0) return;
  log.scrollTop += above - 24;
  state.atBottom = false;
  drawJump();
}

// What is added above would push down what is being read, so it is scrolled along. A message tells where it stands to a
// fraction of a pixel; heights of the whole list are rounded.
export function keepPlace(draw) {
  const anchor = element('messages').querySelector('.message');
  const before = anchor?.getBoundingClientRect().top;
  draw();
  if (anchor?.isConnected && !state.atBottom) element('log').scrollTop += anchor.getBoundingClientRect().top - before;
}

export function logScrolled() {
  const below = heightBelow();
  const wasAtBottom = state.atBottom;
  state.atBottom = below < BOTTOM_WITHIN;
  if (state.atBottom && !wasAtBottom) soon(markRead);
  if (below < LOAD_WITHIN) loadNewer();
  // After a failure the button asks for the next try, or every pixel scrolled would be one.
  if (element('log').scrollTop < LOAD_WITHIN && !state.timeline?.problem) loadOlder();
  drawJump();
}

function drawJump() {
  const isAway = Boolean(state.timeline?.loaded) && (!state.atBottom || state.timeline.cut);
  const unread = openConversation()?.unread_count ?? 0;
  element('jump').hidden = !isAway;
  const text = unread > 0 ? `${unread} new` : '';
  setText(element('jump-text'), text);
  element('jump').setAttribute('aria-label', unread > 0 ? `To the ${unread} new messages` : 'To the newest message');
}

export function jump() {
  if (state.timeline?.cut) loadNewest(state.timeline);
  else scrollToBottom();
  markRead();
}
