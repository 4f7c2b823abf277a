// The choice for how long a conversation brings no notifications.

import { state } from './state.js';
import { make, setText, showProblem } from './page.js';
import { call, conversationPath } from './api.js';
import { timeFormat } from './names.js';
import { drawAll } from './conversation.js';

const CHOICES = { off: 'On', hour: 'Off for an hour', morning: 'Off until tomorrow morning', always: 'Off' };

export function makeMute(conversationId) {
  const select = make('select', { id: 'panel-mute' });
  select.append(...Object.entries(CHOICES).map(([value, text]) => make('option', { value }, text)));
  select.onchange = () => mute(conversationId, select.value);
  return make('section', { class: 'panel-part' }, make('label', { for: 'panel-mute' }, 'Notifications'), select,
    make('p', { class: 'quiet mute-until' }));
}

export function updateMute(body, { muted, muted_until }) {
  const select = body.querySelector('#panel-mute');
  if (document.activeElement !== select) select.value = !muted ? 'off' : muted_until ? select.dataset.chosen ?? 'hour' : 'always';
  const end = muted && muted_until ? new Date(muted_until) : null;
  setText(body.querySelector('.mute-until'), end ? `Off until ${end.toLocaleDateString()} ${timeFormat.format(end)}` : '');
}

async function mute(conversationId, choice) {
  const select = document.getElementById('panel-mute');
  select.dataset.chosen = choice;
  const path = `${conversationPath(conversationId)}/mute`;
  try {
    if (choice === 'off') await call('DELETE', path);
    const answer = choice === 'off' ? { muted: false, muted_until: null } : await call('PUT', path, { until: untilOf(choice) });
    Object.assign(state.view.conversations.get(conversationId) ?? {}, answer);
  } catch (error) {
    showProblem(error);
  }
  drawAll();
}

function untilOf(choice) {
  if (choice === 'always') return null;
  if (choice === 'hour') return new Date(Date.now() + 3_600_000).toISOString();
  const morning = new Date();
  morning.setDate(morning.getDate() + 1);
  morning.setHours(8, 0, 0, 0);
  return morning.toISOString();
}
