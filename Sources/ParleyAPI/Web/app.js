// The demo page: one user's conversations, live. It speaks the public API and nothing else, so it can be read as an
// example of a client: commands and events over the socket (socket.js, events.js), everything else over REST (api.js),
// and a local view of the conversations that both keep up (view.js).
//
// Here is who you are, and what the page's own elements do; each other module is one part of the page.

import { UUID, state } from './state.js';
import { element, hideProblem, make, show, showProblem, soon } from './page.js';
import { call } from './api.js';
import { icon, drawIcons } from './icons.js';
import { watchActivity } from './activity.js';
import { connect } from './live.js';
import { readMore, readSnapshot } from './snapshot.js';
import { drawWho, openFromAddress, openId } from './conversation.js';
import { drawConversations } from './list.js';
import { forgetUnreadLine, loadOlder } from './history.js';
import { jump, logScrolled, scrollToBottom } from './timeline.js';
import { markRead } from './markers.js';
import { sendKeptDrafts, submitText, textChanged, textKeyPressed } from './compose.js';
import { stopTyping } from './typing.js';
import { buildMenu, fieldTyped, guessFromAddress, menuKeyPressed, submitAttachment, toggleMenu } from './attach.js';
import { drawNewConversationForm, openNewConversation, submitNewConversation } from './new-conversation.js';
import { closePanel, togglePanel } from './panel.js';
import { beginPush, togglePush } from './push.js';
import { escapePressed, listKeyPressed } from './keys.js';

async function begin() {
  drawIcons();
  buildMenu();
  try {
    state.demo = await call('GET', '/demo/session');
  } catch (error) {
    if (error.status === 404) return show('sign-in');
    return showProblem(error, { label: 'Try again', act: () => location.reload() });
  }
  const name = new URLSearchParams(location.search).get('as')?.toLowerCase();
  const user = state.demo.users.find((each) => each.name.toLowerCase() === name);
  if (!user) return offerUsers();
  // On a phone one begins with the list.
  const isWide = matchMedia('(min-width: 44rem)').matches;
  if (!openId() && state.demo.conversation_id && isWide) history.replaceState(null, '', `#${state.demo.conversation_id}`);
  enter(user);
}

function offerUsers() {
  element('choose-users').replaceChildren(
    ...state.demo.users.map((user) => make('a', { href: addressAs(user) }, `Continue as ${user.name}`)));
  show('choose');
}

const addressAs = (user) => `?as=${encodeURIComponent(user.name.toLowerCase())}`;

async function signIn(token) {
  state.me = { id: subjectOf(token), name: 'You', token };
  try {
    // Asked first because REST explains a refused token better than a socket that closes.
    await call('GET', '/v1/conversations?limit=1');
    hideProblem();
    enter(state.me);
  } catch (error) {
    state.me = null;
    showProblem(error);
  }
}

// Whose it is, as the token says itself; the server checks that.
function subjectOf(token) {
  try {
    const { sub } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return UUID.test(sub) ? sub : null;
  } catch {
    return null;
  }
}

function enter(user) {
  state.me = user;
  state.view.userId = user.id;
  show('chat');
  drawWho();
  drawDemoNote();
  watchActivity();
  connect();
  if (user.id) sendKeptDrafts();
  if (user.id) beginPush();
  // The list does not wait for the connection.
  if (user.id) readSnapshot();
  openFromAddress();
  if (!openId()) drawConversations();
}

function drawDemoNote() {
  const others = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id);
  element('demo-note').hidden = others.length === 0;
  element('demo-note').replaceChildren(...others.map((other) =>
    make('a', { href: addressAs(other), target: '_blank', rel: 'noopener' }, `Open ${other.name} in a second window`, icon('external'))));
}

function onSubmit(id, act) {
  element(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

const onClick = (id, act) => element(id).addEventListener('click', () => act());

onSubmit('composer', submitText);
onSubmit('sign-in-form', () => signIn(element('token').value.trim()));
onSubmit('new-conversation-form', submitNewConversation);
onSubmit('attach-form', submitAttachment);
onClick('older', loadOlder);
onClick('jump', jump);
onClick('more-conversations', readMore);
onClick('problem-close', hideProblem);
onClick('push-toggle', togglePush);
onClick('new-conversation-open', openNewConversation);
onClick('new-conversation-cancel', () => element('new-conversation').close());
onClick('attach-open', () => toggleMenu());
onClick('attach-cancel', () => element('attach-dialog').close());
onClick('panel-open', togglePanel);
onClick('panel-close', () => closePanel({ focus: true }));
onClick('offline-retry', () => state.connection?.retryNow());
element('text').addEventListener('keydown', textKeyPressed);
element('text').addEventListener('input', textChanged);
element('text').addEventListener('blur', stopTyping);
element('log').addEventListener('scroll', logScrolled, { passive: true });
element('conversation-list').addEventListener('keydown', listKeyPressed);
element('attach-menu').addEventListener('keydown', menuKeyPressed);
element('attach-form').addEventListener('input', (event) => {
  fieldTyped(event);
  guessFromAddress(event);
});
element('new-conversation-form').addEventListener('change', drawNewConversationForm);
document.addEventListener('keydown', escapePressed);
document.addEventListener('click', (event) => {
  if (!event.target.closest?.('.attach')) toggleMenu(false);
});
new ResizeObserver(() => state.atBottom && scrollToBottom()).observe(element('log'));
addEventListener('hashchange', openFromAddress);
addEventListener('online', () => state.connection?.retryNow());
document.addEventListener('visibilitychange', () => {
  if (!state.me) return;
  if (document.visibilityState !== 'visible') return forgetUnreadLine();
  state.connection?.retryNow();
  soon(markRead);
});

begin();
