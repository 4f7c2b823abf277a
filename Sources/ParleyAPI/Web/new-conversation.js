// The form for a new conversation.

import { UUID, state } from './state.js';
import { element } from './page.js';
import { Problem, call } from './api.js';
import { userIdOf } from './names.js';
import { putConversation } from './view.js';
import { drawConversations } from './list.js';

function chosenType() {
  return element('new-conversation-form').elements.type.value;
}

export function openNewConversation() {
  element('new-conversation-form').reset();
  drawNewConversationForm();
  element('new-conversation').showModal();
  element('user-ids').focus();
}

export function drawNewConversationForm() {
  const group = chosenType() === 'group';
  const names = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id).map((each) => each.name);
  element('group-title-field').hidden = !group;
  element('new-conversation-problem').hidden = true;
  element('user-ids-label').textContent = group ? 'The others' : 'The other person';
  element('user-ids-hint').textContent = [
    group ? 'User ids, one in each line or with commas between them.' : 'A user id.',
    names.length > 0 ? `“${names[0]}” works too.` : '',
  ].join(' ');
}

export function userIdsFrom(text) {
  const ids = text.split(/[\s,;]+/).filter(Boolean).map(userIdOf);
  const wrong = ids.find((id) => !UUID.test(id));
  if (wrong) throw new Problem({ detail: `“${wrong}” is not a user id.` });
  return ids;
}

export async function submitNewConversation() {
  const problem = element('new-conversation-problem');
  problem.hidden = true;
  try {
    const type = chosenType();
    const participant_ids = userIdsFrom(element('user-ids').value);
    if (type === 'direct' && participant_ids.length !== 1) {
      throw new Problem({ detail: 'A direct conversation is with exactly one other user.' });
    }
    const title = type === 'group' ? { title: element('group-title').value.trim() || null } : {};
    const conversation = await call('POST', '/v1/conversations', { type, participant_ids, ...title });
    putConversation(state.view, conversation);
    drawConversations();
    element('new-conversation').close();
    location.hash = conversation.id;
  } catch (error) {
    problem.textContent = error.detail ?? String(error);
    problem.hidden = false;
  }
}
