// The messages of the open conversation: an unbroken run of sequence numbers, without gaps and without doubles.

import { GAP_PATIENCE_MS, state } from './state.js';
import { showProblem } from './page.js';
import { call, conversationPath } from './api.js';
import { fetchConversation } from './list.js';
import { markRead } from './conversation.js';
import { drawTimeline, keepPlace, scrollToBottom } from './timeline.js';
import { settleDrafts } from './compose.js';

const HISTORY_LIMIT = 50;
const CATCH_UP_LIMIT = 200;
const RETRY_DELAY_MS = 3_000;
// After a longer absence the newest page is shown instead, and the rest loads when somebody scrolls up to it.
const CATCH_UP_LONGEST = 2_000;
const HELD_LIMIT = 500;

export function refreshTimeline(timeline) {
  if (timeline.loaded) return catchUp(timeline);
  // A page asked for before the connection was listening may miss what was stored in between.
  timeline.catchUpAgain = timeline.loadingNewest;
  return loadNewest(timeline);
}

export async function loadNewest(timeline) {
  if (timeline.loadingNewest) return;
  timeline.loadingNewest = true;
  timeline.problem = null;
  drawTimeline();
  try {
    const [page] = await Promise.all([
      call('GET', `${conversationPath(timeline.conversationId)}/messages?limit=${HISTORY_LIMIT}`),
      state.conversations.has(timeline.conversationId) || fetchConversation(timeline.conversationId),
    ]);
    startFrom(timeline, page);
  } catch (error) {
    timeline.problem = error;
  }
  timeline.loadingNewest = false;
  if (state.timeline !== timeline) return;
  drawTimeline();
  scrollToBottom();
  markRead();
  if (timeline.catchUpAgain && timeline.loaded) catchUp(timeline);
}

function startFrom(timeline, page) {
  const conversation = state.conversations.get(timeline.conversationId);
  if (conversation?.unread_count > 0) timeline.readBefore ??= conversation.last_read_sequence;
  timeline.messages = page.messages;
  timeline.last = page.messages.at(-1)?.sequence_number ?? 0;
  timeline.hasOlder = page.has_more;
  timeline.loaded = true;
  settleDrafts(page.messages);
  release(timeline);
}

export async function loadOlder() {
  const timeline = state.timeline;
  if (!timeline?.hasOlder || timeline.loadingOlder) return;
  timeline.loadingOlder = true;
  timeline.problem = null;
  drawTimeline();
  const first = timeline.messages[0].sequence_number;
  try {
    const path = `${conversationPath(timeline.conversationId)}/messages`;
    const page = await call('GET', `${path}?before_sequence=${first}&limit=${HISTORY_LIMIT}`);
    // A catch-up may have started anew from the newest page meanwhile; then this page no longer joins on.
    if (timeline.messages[0].sequence_number === first) {
      timeline.messages = [...page.messages, ...timeline.messages];
      timeline.hasOlder = page.has_more;
    }
  } catch (error) {
    timeline.problem = error;
  }
  timeline.loadingOlder = false;
  if (state.timeline === timeline) keepPlace(drawTimeline);
}

export function hold(timeline, message) {
  if (message.sequence_number <= timeline.last) return settleDrafts([message]);
  // While the missing ones cannot be read, one held message is as good a reason to catch up as all of them.
  if (timeline.held.size >= HELD_LIMIT) timeline.held.clear();
  timeline.held.set(message.sequence_number, message);
  if (timeline.loaded) release(timeline);
}

function release(timeline) {
  for (const number of timeline.held.keys()) if (number <= timeline.last) timeline.held.delete(number);
  while (timeline.held.has(timeline.last + 1)) append(timeline, timeline.held.get(timeline.last + 1));
  // A reply may overtake an event, so a gap gets a moment to close by itself.
  if (timeline.held.size > 0) catchUpSoon(timeline, GAP_PATIENCE_MS);
}

function append(timeline, message) {
  timeline.messages.push(message);
  timeline.last = message.sequence_number;
  timeline.held.delete(message.sequence_number);
  settleDrafts([message]);
}

function catchUpSoon(timeline, delayMs) {
  if (timeline.catchUpTimer) return;
  timeline.catchUpTimer = setTimeout(() => {
    timeline.catchUpTimer = null;
    const needed = state.timeline === timeline && (timeline.held.size > 0 || timeline.catchUpAgain);
    if (needed) catchUp(timeline);
  }, delayMs);
}

async function catchUp(timeline) {
  timeline.catchUpAgain = true;
  if (timeline.catchingUp) return;
  timeline.catchingUp = true;
  try {
    while (timeline.catchUpAgain && state.timeline === timeline) {
      timeline.catchUpAgain = false;
      await readMissed(timeline);
    }
  } catch (error) {
    timeline.catchUpAgain = true;
    if (error.retryable) catchUpSoon(timeline, RETRY_DELAY_MS);
    else showProblem(error);
  }
  timeline.catchingUp = false;
  if (state.timeline !== timeline) return;
  if (timeline.held.size > 0) catchUpSoon(timeline, RETRY_DELAY_MS);
  drawTimeline();
  markRead();
}

async function readMissed(timeline) {
  const path = `${conversationPath(timeline.conversationId)}/messages`;
  let page;
  do {
    page = await call('GET', `${path}?after_sequence=${timeline.last}&limit=${CATCH_UP_LIMIT}`);
    if (state.timeline !== timeline) return;
    if (page.last_sequence - timeline.last > CATCH_UP_LONGEST) {
      page = await call('GET', `${path}?limit=${HISTORY_LIMIT}`);
      return startFrom(timeline, page);
    }
    // Live messages arrive during the wait as well, so the page may begin with known ones.
    for (const message of page.messages) if (message.sequence_number > timeline.last) append(timeline, message);
    release(timeline);
    drawTimeline();
  } while (page.has_more && page.messages.length > 0);
}
