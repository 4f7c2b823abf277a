// The messages of the open conversation: an unbroken run of sequence numbers, without gaps and without doubles.
//
// It ends with the newest message, unless it is `cut`: more was missed than is worth reading at once while somebody reads
// further up. Then what follows is read when they scroll down to it.

import { GAP_PATIENCE_MS, openConversation, state } from './state.js';
import { showProblem, soon } from './page.js';
import { call, conversationPath } from './api.js';
import { readConversation } from './snapshot.js';
import { markRead } from './markers.js';
import { drawTimeline, keepPlace, scrollToBottom, showFirstUnread } from './timeline.js';
import { settleDrafts } from './compose.js';

const PAGE = 50;
const LONGEST_PAGE = 200;
const RETRY_DELAY_MS = 3_000;
const HELD_LIMIT = 500;

export function newTimeline(conversationId) {
  return {
    conversationId, messages: [], last: 0, cut: false, held: new Map(), // `held` has what came before its predecessor
    loaded: false, hasOlder: false, readBefore: null, problem: null, loadingNewest: false, loadingOlder: false,
    loadingNewer: false, catchingUp: false, catchUpAgain: false, catchUpTimer: null, markingRead: false,
  };
}

const pageOf = (timeline, query) => call('GET', `${conversationPath(timeline.conversationId)}/messages?${query}`);

export function refreshTimeline(timeline) {
  if (timeline.loaded) return catchUp(timeline);
  // A page asked for before the connection was listening may miss what was stored in between.
  timeline.catchUpAgain = timeline.loadingNewest;
  return loadNewest(timeline);
}

// At first, and to begin anew from the end: what was shown stays until the new page is there.
export async function loadNewest(timeline) {
  if (timeline.loadingNewest) return;
  timeline.loadingNewest = true;
  timeline.problem = null;
  soon(drawTimeline);
  const isFirst = !timeline.loaded;
  try {
    if (!state.view.conversations.has(timeline.conversationId)) await readConversation(timeline.conversationId);
    const unread = state.view.conversations.get(timeline.conversationId)?.unread_count ?? 0;
    startFrom(timeline, await pageOf(timeline, `limit=${Math.min(LONGEST_PAGE, Math.max(PAGE, unread + 20))}`));
  } catch (error) {
    timeline.problem = error;
  }
  timeline.loadingNewest = false;
  if (state.timeline !== timeline) return;
  drawTimeline();
  if (isFirst && timeline.loaded) showFirstUnread();
  else scrollToBottom();
  markRead();
  if (timeline.catchUpAgain && timeline.loaded) catchUp(timeline);
}

function startFrom(timeline, page) {
  const conversation = state.view.conversations.get(timeline.conversationId);
  if (conversation?.unread_count > 0) timeline.readBefore ??= conversation.last_read_sequence;
  timeline.messages = page.messages;
  timeline.last = page.messages.at(-1)?.sequence_number ?? 0;
  timeline.hasOlder = page.has_more;
  timeline.loaded = true;
  timeline.cut = false;
  settleDrafts(page.messages);
  release(timeline);
}

export async function loadOlder() {
  const { timeline } = state;
  if (!timeline?.hasOlder || timeline.loadingOlder) return;
  timeline.loadingOlder = true;
  timeline.problem = null;
  drawTimeline();
  const first = timeline.messages[0].sequence_number;
  try {
    const page = await pageOf(timeline, `before_sequence=${first}&limit=${PAGE}`);
    // The run may have started anew from the newest page meanwhile; then this page no longer joins on.
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

// MARK: What follows

export function hold(timeline, message) {
  if (message.sequence_number <= timeline.last || timeline.cut) return;
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
  // The line above what is new stands where somebody was who has looked away since.
  const unseen = message.sender_id !== state.me.id && (document.visibilityState !== 'visible' || !state.atBottom);
  if (unseen) timeline.readBefore ??= timeline.last;
  timeline.messages.push(message);
  timeline.last = message.sequence_number;
  timeline.held.delete(message.sequence_number);
  settleDrafts([message]);
}

// More was missed in a conversation than is replayed.
export function skipTo({ conversation_id, sequence_number }) {
  const { timeline } = state;
  if (timeline?.conversationId !== conversation_id || !timeline.loaded || sequence_number <= timeline.last) return;
  goOnAfterGap(timeline);
}

// Who is at the end wants to see the end; who reads further up keeps the place.
function goOnAfterGap(timeline) {
  timeline.held.clear();
  if (state.atBottom) return loadNewest(timeline);
  timeline.cut = true;
  soon(drawTimeline);
}

export async function loadNewer() {
  const { timeline } = state;
  if (!timeline?.cut || timeline.loadingNewer || timeline.loadingNewest) return;
  timeline.loadingNewer = true;
  try {
    const page = await pageOf(timeline, `after_sequence=${timeline.last}&limit=${PAGE}`);
    if (timeline.cut) for (const message of page.messages) if (message.sequence_number > timeline.last) append(timeline, message);
    // What came during the request was not held.
    if (!page.has_more) {
      timeline.cut = false;
      catchUp(timeline);
    }
  } catch (error) {
    if (!error.retryable) showProblem(error);
  }
  timeline.loadingNewer = false;
  state.atBottom = false; // the end has moved away
  soon(drawTimeline);
}

// The server says that there are messages up to this number; they should have come by now.
export function checkTail(timeline, number) {
  if (timeline.loaded && !timeline.cut && number > timeline.last) catchUp(timeline);
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
  soon(drawTimeline);
  soon(markRead);
}

async function readMissed(timeline) {
  let page;
  do {
    page = await pageOf(timeline, `after_sequence=${timeline.last}&limit=${LONGEST_PAGE}`);
    if (state.timeline !== timeline || timeline.cut) return;
    if (page.last_sequence - timeline.last > LONGEST_PAGE) return goOnAfterGap(timeline);
    // Live messages arrive during the wait as well, so the page may begin with known ones.
    for (const message of page.messages) if (message.sequence_number > timeline.last) append(timeline, message);
    release(timeline);
    soon(drawTimeline);
  } while (page.has_more && page.messages.length > 0);
}

// The line above what was new goes once it has done its work.
export function forgetUnreadLine() {
  if (!state.timeline || openConversation()?.unread_count > 0) return;
  state.timeline.readBefore = null;
  soon(drawTimeline);
}
