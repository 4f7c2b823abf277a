// Draws the list of conversations and the title of the window, and has alerts follow what is read.

import { state } from './state.js';
import { arrange, element, make, setText, soon } from './page.js';
import { drawConversationAvatar, otherOf, shortTime, titleOf } from './names.js';
import { icon } from './icons.js';
import { isOnline } from './presence.js';
import { typingIn } from './typing.js';
import { tidyAlerts } from './push.js';

const activityOf = (conversation) => conversation.last_message_at ?? conversation.created_at;

export function drawConversations() {
  const conversations = [...state.view.conversations.values()]
    .sort((a, b) => activityOf(b).localeCompare(activityOf(a)) || a.id.localeCompare(b.id))
    .map((conversation) => ({ key: conversation.id, conversation }));
  arrange(element('conversation-list'), conversations, makeConversation, updateConversation);
  element('no-conversations').hidden = conversations.length > 0 || state.heldEvents !== null;
  element('more-conversations').hidden = !state.nextCursor;
  drawTitle();
  soon(tidyAlerts);
}

function drawTitle() {
  const counted = [...state.view.conversations.values()].filter((each) => !each.muted);
  const unread = counted.reduce((sum, each) => sum + each.unread_count, 0);
  const title = `${unread > 0 ? `(${unread}) ` : ''}Parley · ${state.demo ? state.me.name : 'You'}`;
  if (document.title !== title) document.title = title;
}

function makeConversation({ conversation }) {
  return make('li', {}, make('a', { href: `#${conversation.id}`, tabindex: '-1' },
    make('span', { class: 'avatar', 'aria-hidden': 'true' }),
    make('span', { class: 'name', dir: 'auto' }),
    make('time', {}),
    make('span', { class: 'preview', dir: 'auto' }),
    make('span', { class: 'signs' }, icon('muted'), make('span', { class: 'unread-count' },
      make('span', { class: 'number' }), make('span', { class: 'for-readers' }, ' unread')))));
}

function updateConversation(node, { conversation }) {
  const part = (name) => node.querySelector(name);
  const link = part('a');
  const other = otherOf(conversation);
  const typing = typingIn(conversation.id);
  drawConversationAvatar(part('.avatar'), conversation);
  part('.avatar').classList.toggle('online', other !== null && isOnline(other));
  setText(part('.name'), titleOf(conversation));
  setText(part('.preview'), typing ?? conversation.last_message_preview ?? 'No messages yet');
  part('.preview').classList.toggle('is-typing', typing !== null);
  setText(part('time'), shortTime(activityOf(conversation)));
  part('time').dateTime = activityOf(conversation);
  link.classList.toggle('unread', conversation.unread_count > 0);
  link.classList.toggle('muted', conversation.muted);
  part('.unread-count').hidden = conversation.unread_count === 0;
  setText(part('.number'), conversation.unread_count > 999 ? '999+' : String(conversation.unread_count));
  const isOpen = conversation.id === state.timeline?.conversationId;
  if (isOpen) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
  // One stop for the Tab key; the arrow keys go on from there (keys.js).
  const hasStop = isOpen || (!state.timeline && !node.previousElementSibling);
  link.tabIndex = hasStop || link === document.activeElement ? 0 : -1;
}
