// The form for a new conversation.

import { UUID, state } from './state.js';
import { element } from './page.js';
import { Problem } from './api.js';
import { startConversation } from './list.js';

function newConversationType() {
  return element('new-conversation-form').elements.type.value;
}

export function drawNewConversationForm() {
  const group = newConversationType() === 'group';
  const names = (state.demo?.users ?? []).filter((each) => each.id !== state.me.id).map((each) => each.name);
  element('group-title-field').hidden = !group;
  element('new-conversation-problem').hidden = true;
  element('user-ids-label').textContent = group ? 'User ids of the others' : 'User id of the other person';
  element('user-ids-hint').textContent = [
    group ? 'One in each line, or with commas between them.' : 'A UUID.',
    names.length > 0 ? `“${names[0]}” works too.` : '',
  ].join(' ');
}

function userIdsFrom(text) {
  return text.split(/[\s,;]+/).filter(Boolean).map((word) => {
    const named = state.demo?.users.find((each) => each.name.toLowerCase() === word.toLowerCase());
    return named?.id ?? word.toLowerCase();
  });
}

export async function submitNewConversation() {
  const problem = element('new-conversation-problem');
  const type = newConversationType();
  const userIds = userIdsFrom(element('user-ids').value);
  const wrong = userIds.find((id) => !UUID.test(id));
  problem.hidden = true;
  try {
    if (wrong) throw new Problem({ detail: `“${wrong}” is not a user id.` });
    if (type === 'direct' && userIds.length !== 1) {
      throw new Problem({ detail: 'A direct conversation is with exactly one other user.' });
    }
    await startConversation(type, element('group-title').value.trim(), userIds);
    element('new-conversation').close();
  } catch (error) {
    problem.textContent = error.detail ?? String(error);
    problem.hidden = false;
  }
}
