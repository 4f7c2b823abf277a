// The demo page: one user's conversations, live. It speaks the public API and nothing else, so it can be read as an
// example of a client: commands and events over the socket (socket.js), everything else over REST (api.js).
//
// Here is who you are and what the connection tells; each other module is one part of the page.

import { state } from './state.js';
import { element, hideProblem, make, show, showProblem, startAgain } from './page.js';
import { Problem, call } from './api.js';
import { fetchConversation, loadMoreConversations, refreshConversations } from './list.js';
import { markRead, messageArrived, openFromAddress, openId } from './conversation.js';
import { loadOlder, refreshTimeline } from './history.js';
import { drawTimeline, logScrolled, scrollToBottom } from './timeline.js';
import { fitText, submitText, textKeyPressed } from './compose.js';
import { drawNewConversationForm, submitNewConversation } from './new-conversation.js';
import { Connection } from './socket.js';

async function begin() {
  try {
    state.demo = await call('GET', '/demo/session');
  } catch (error) {
    if (error.status === 404) return show('sign-in');
    return showProblem(error, { label: 'Try again', act: () => location.reload() });
  }
  const name = new URLSearchParams(location.search).get('as')?.toLowerCase();
  const user = state.demo.users.find((each) => each.name.toLowerCase() === name);
  if (!user) return offerUsers();
  if (!openId() && state.demo.conversation_id) history.replaceState(null, '', `#${state.demo.conversation_id}`);
  enter(user);
}

function offerUsers() {
  element('choose-users').replaceChildren(
    ...state.demo.users.map((user) => make('a', { href: addressAs(user) }, `Continue as ${user.name}`)),
  );
  show('choose');
}

const addressAs = (user) => `?as=${encodeURIComponent(user.name.toLowerCase())}`;

async function signIn(token) {
  state.me = { id: null, name: 'You', token };
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

function enter(user) {
  state.me = user;
  show('chat');
  drawWho();
  connect();
  // The list does not wait for the connection: where a proxy lets no socket through, the page can still be read.
  if (state.me.id) refreshConversations();
  openFromAddress();
}

function connect() {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/socket`;
  state.connection = new Connection(url, state.me.token);
  state.connection.addEventListener('state', ({ detail }) => connectionChanged(detail));
  state.connection.addEventListener('event', ({ detail }) => eventArrived(detail));
  state.connection.start();
}

function connectionChanged(connectionState) {
  state.connectionState = connectionState;
  drawConnectionState();
  drawTimeline();
  if (connectionState.name === 'stopped') return showProblem(new Problem({ detail: connectionState.detail }), startAgain);
  if (connectionState.name !== 'open') return;
  state.me = { ...state.me, id: connectionState.user_id };
  drawWho();
  refreshConversations();
  if (state.timeline) refreshTimeline(state.timeline);
  else openFromAddress();
}

function eventArrived(event) {
  if (event.type === 'message') messageArrived(event.message, { live: true });
  if (event.type === 'conversation') fetchConversation(event.conversation_id);
}

function drawWho() {
  const others = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id);
  const links = others.map((other) =>
    make('a', { href: addressAs(other), target: '_blank', rel: 'noopener' }, `Open ${other.name} in a second window`));
  const name = state.demo ? state.me.name : state.me.id?.slice(0, 8) ?? '';
  element('who').replaceChildren(make('span', {}, 'You are ', make('strong', {}, name)), ...links);
  element('who').hidden = name === '';
  element('own-user-id').textContent = state.me.id ?? '';
}

function drawConnectionState() {
  const texts = {
    none: '',
    connecting: 'Connecting…',
    open: 'Connected',
    waiting: 'Disconnected, trying again…',
    stopped: 'Disconnected',
  };
  const node = element('connection-state');
  node.dataset.state = state.connectionState.name;
  // Attempt after attempt would be read out otherwise.
  const coming = state.connectionState.name === 'connecting' && node.textContent === texts.waiting;
  if (!coming) node.textContent = texts[state.connectionState.name];
}

function onSubmit(id, act) {
  element(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act();
  });
}

onSubmit('composer', submitText);
onSubmit('sign-in-form', () => signIn(element('token').value.trim()));
onSubmit('new-conversation-form', submitNewConversation);
element('text').addEventListener('keydown', textKeyPressed);
element('text').addEventListener('input', fitText);
element('log').addEventListener('scroll', logScrolled, { passive: true });
element('older').addEventListener('click', loadOlder);
element('jump').addEventListener('click', scrollToBottom);
element('more-conversations').addEventListener('click', loadMoreConversations);
element('problem-close').addEventListener('click', hideProblem);
element('new-conversation-open').addEventListener('click', () => {
  element('new-conversation-form').reset();
  drawNewConversationForm();
  element('new-conversation').showModal();
  element('user-ids').focus();
});
element('new-conversation-cancel').addEventListener('click', () => element('new-conversation').close());
element('new-conversation-form').addEventListener('change', drawNewConversationForm);
new ResizeObserver(() => state.atBottom && scrollToBottom()).observe(element('log'));
addEventListener('hashchange', openFromAddress);
addEventListener('online', () => state.connection?.retryNow());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible' || !state.me) return;
  state.connection?.retryNow();
  // Another window of the same user may have read meanwhile; the socket does not tell.
  if (state.me.id) refreshConversations();
  markRead();
});

begin();
