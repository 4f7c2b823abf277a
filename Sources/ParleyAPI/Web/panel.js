// The panel beside a conversation: who takes part in which role, its title, one's own mute, leaving.

import { openConversation, state } from './state.js';
import { arrange, confirmed, element, make, setText, showProblem, soon } from './page.js';
import { call, conversationPath } from './api.js';
import { drawAvatar, drawConversationAvatar, knownName, nameOf, otherOf, participantsOf, roleNames, titleOf } from './names.js';
import { beginMembers, putConversation, putMembers } from './view.js';
import { icon } from './icons.js';
import { drawAll, removed } from './conversation.js';
import { drawTimeline } from './timeline.js';
import { userIdsFrom } from './new-conversation.js';
import { readConversation } from './snapshot.js';
import { isOnline, presenceText, watchPresence } from './presence.js';
import { makeMute, updateMute } from './mute.js';

const PAGES = 5; // of participants that are read; a larger group shows the first of them
const MANAGERS = new Set(['owner', 'admin']);
const RANK = { owner: 0, admin: 1, member: 2, read_only: 3 };

// Also for the ticks: the participants tell how far each of them has read.
export async function loadMembers(id) {
  const members = beginMembers(state.view, id);
  const participants = [];
  let cursor = null;
  try {
    for (let page = 0; page < PAGES; page += 1) {
      const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : '';
      const answer = await call('GET', `${conversationPath(id)}/participants${query}`);
      participants.push(...answer.participants);
      cursor = answer.next_cursor;
      if (!cursor) break;
    }
    putMembers(members, participants, cursor === null);
    watchPresence();
  } catch (error) {
    if (!error.retryable && error.status !== 403 && error.status !== 404) showProblem(error);
  }
  soon(drawPanel);
  soon(drawTimeline);
}

// MARK: Opening and closing

export function togglePanel() {
  if (state.panelOpen) return closePanel({ focus: true });
  state.panelOpen = true;
  element('panel-body').replaceChildren();
  drawPanel();
  element('panel-title').focus();
}

export function closePanel({ focus = false } = {}) {
  state.panelOpen = false;
  drawPanel();
  if (focus) element('panel-open').focus();
}

export function drawPanel() {
  const conversation = openConversation();
  const isOpen = state.panelOpen && conversation !== undefined;
  element('panel').hidden = !isOpen;
  document.body.classList.toggle('has-panel', isOpen);
  element('panel-open').setAttribute('aria-expanded', String(isOpen));
  if (!isOpen) return;
  const body = element('panel-body');
  const key = `${conversation.id} ${MANAGERS.has(conversation.role)}`;
  if (body.dataset.key !== key || !body.firstChild) {
    body.dataset.key = key;
    body.replaceChildren(...makeBody(conversation));
  }
  updateBody(body, conversation);
}

// MARK: Its parts

function makeBody(conversation) {
  const head = make('div', { class: 'panel-head' },
    make('span', { class: 'avatar large', 'aria-hidden': 'true' }), make('p', { class: 'panel-name', dir: 'auto' }), make('p', { class: 'quiet' }));
  const isGroup = conversation.type === 'group';
  const manages = isGroup && MANAGERS.has(conversation.role);
  return [
    head,
    ...(manages ? [makeRename(conversation)] : []),
    makeMute(conversation.id),
    make('section', { class: 'panel-part' }, make('h3', {}, 'Participants'), make('ul', { class: 'members' })),
    ...(manages ? [makeAdd()] : []),
    ...(isGroup ? [makeLeave()] : []),
  ];
}

function updateBody(body, conversation) {
  setText(element('panel-title'), conversation.type === 'group' ? 'About this group' : 'About this conversation');
  drawConversationAvatar(body.querySelector('.avatar.large'), conversation);
  setText(body.querySelector('.panel-name'), titleOf(conversation));
  const other = otherOf(conversation);
  setText(body.querySelector('.panel-head .quiet'), other ? presenceText(other) : participantsOf(conversation));
  updateMute(body, conversation);
  const users = [...(state.view.members.get(conversation.id)?.users.values() ?? [])]
    .sort((a, b) => RANK[a.role] - RANK[b.role] || knownName(a.user_id).localeCompare(knownName(b.user_id)))
    .map((member) => ({ key: member.user_id, member }));
  arrange(body.querySelector('.members'), users, makeMember, updateMember);
}

function makeRename(conversation) {
  const input = make('input', { id: 'panel-rename', maxlength: '200', autocomplete: 'off', dir: 'auto', placeholder: 'No title' });
  input.value = conversation.title ?? '';
  const form = make('form', { class: 'panel-part' }, make('label', { for: 'panel-rename' }, 'Title'),
    make('div', { class: 'row' }, input, make('button', { type: 'submit' }, 'Rename')));
  return onSubmit(form, async () => {
    const answer = await call('PATCH', conversationPath(conversation.id), { title: input.value.trim() || null });
    putConversation(state.view, answer);
  });
}

function makeAdd() {
  const input = make('input', { id: 'panel-add', autocomplete: 'off', spellcheck: 'false', placeholder: 'User id', required: '' });
  const form = make('form', { class: 'panel-part' }, make('label', { for: 'panel-add' }, 'Add people'),
    make('div', { class: 'row' }, input, make('button', { type: 'submit' }, 'Add')));
  return onSubmit(form, async () => {
    for (const id of userIdsFrom(input.value)) await call('PUT', memberPath(id), {});
    input.value = '';
  });
}

function makeLeave() {
  const button = make('button', { type: 'button', class: 'danger wide' }, icon('leave'), 'Leave the group');
  button.onclick = async () => {
    const { id } = openConversation();
    if (!(await confirmed('Leave this group? You will no longer see its messages.', 'Leave'))) return;
    await attempt(() => call('DELETE', `${conversationPath(id)}/participants/${state.me.id}`)) && removed(id);
  };
  return make('section', { class: 'panel-part' }, button);
}

// MARK: Participants

const memberPath = (userId) => `${conversationPath(state.timeline.conversationId)}/participants/${encodeURIComponent(userId)}`;

function makeMember({ member: { user_id } }) {
  const avatar = make('span', { class: 'avatar small', 'aria-hidden': 'true' });
  drawAvatar(avatar, user_id, knownName(user_id));
  const select = make('select', { 'aria-label': `Role of ${nameOf(user_id)}` });
  select.append(...Object.entries(roleNames).map(([value, name]) => make('option', { value }, name)));
  select.onchange = () => attempt(() => call('PUT', memberPath(user_id), { role: select.value }));
  const remove = make('button', { type: 'button', class: 'icon remove', 'aria-label': `Remove ${nameOf(user_id)}`, title: 'Remove' }, icon('close'));
  remove.onclick = async () => {
    if (await confirmed(`Remove ${nameOf(user_id)} from this group?`, 'Remove')) attempt(() => call('DELETE', memberPath(user_id)));
  };
  return make('li', {}, avatar, make('span', { class: 'member-text' }, make('span', { class: 'name' }, nameOf(user_id)),
    make('span', { class: 'quiet' })), make('span', { class: 'role quiet' }), select, remove);
}

// The table of docs/PERMISSIONS.md: admins manage members, owners everybody.
function updateMember(node, { member }) {
  const conversation = openConversation();
  const isGroup = conversation.type === 'group';
  const isMe = member.user_id === state.me.id;
  const manages = isGroup && (conversation.role === 'owner' || (conversation.role === 'admin' && !MANAGERS.has(member.role)));
  node.querySelector('.avatar').classList.toggle('online', !isMe && isOnline(member.user_id));
  setText(node.querySelector('.member-text .quiet'), isMe ? '' : presenceText(member.user_id));
  const select = node.querySelector('select');
  select.hidden = !manages;
  for (const option of select.options) option.disabled = conversation.role !== 'owner' && MANAGERS.has(option.value);
  if (document.activeElement !== select) select.value = member.role;
  const role = node.querySelector('.role');
  role.hidden = manages || !isGroup;
  setText(role, roleNames[member.role] ?? member.role);
  node.querySelector('.remove').hidden = !manages || isMe;
}

// MARK: Asking

function onSubmit(form, act) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(act);
  });
  return form;
}

// Events tell the others, and this page too; reading again tells it at once, and sets right what was refused.
async function attempt(act) {
  const id = state.timeline.conversationId;
  let done = false;
  try {
    await act();
    done = true;
  } catch (error) {
    showProblem(error);
  }
  document.activeElement?.matches?.('.members select') && document.activeElement.blur();
  if (state.timeline?.conversationId === id) {
    await Promise.all([readConversation(id), loadMembers(id)]);
    drawAll();
  }
  return done;
}
