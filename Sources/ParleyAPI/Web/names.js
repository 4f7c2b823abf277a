// What users, conversations, messages and times are called.

import { state } from './state.js';

// Parley keeps no names of users; the app around it does. Here only the demo's own two have one.
export function nameOf(userId) {
  if (userId === state.me?.id) return 'You';
  const user = state.demo?.users.find((each) => each.id === userId);
  return user?.name ?? `User ${userId.slice(0, 8)}`;
}

function otherOf(conversation) {
  return conversation.participant_ids?.find((id) => id !== state.me.id) ?? null;
}

export function titleOf(conversation) {
  if (conversation.type === 'group') return conversation.title || `Group of ${conversation.participant_count}`;
  const other = otherOf(conversation);
  return other ? nameOf(other) : 'Direct conversation';
}

export function subtitleOf(conversation) {
  if (conversation.type === 'direct') return 'Direct conversation';
  return `Group, ${conversation.participant_count} ${conversation.participant_count === 1 ? 'participant' : 'participants'}`;
}

// The server's rule for last_message_preview, so that the list reads the same live as after loading it again.
export function previewOf(message) {
  if (message.message_type !== 'text') return previewOfType(message);
  const line = message.content.slice(0, 2_000).replace(/\r\n|[\r\n\u2028\u2029]/g, ' ');
  const characters = [...new Intl.Segmenter().segment(line)];
  const preview = characters.slice(0, 100).map((each) => each.segment).join('');
  return characters.length > 100 ? `${preview}...` : preview;
}

export function previewOfType({ message_type, media_ids }) {
  switch (message_type) {
    case 'image': return media_ids.length > 1 ? `📷 ${media_ids.length} photos` : '📷 Photo';
    case 'video': return '🎥 Video';
    case 'audio': return '🎵 Audio';
    case 'document': return '📄 Document';
    case 'location': return '📍 Location';
    case 'contact': return '👤 Contact';
    default: return 'Message';
  }
}

export const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });

export function dayOf(time) {
  const day = new Date(time).toDateString();
  return day === new Date().toDateString() ? 'Today' : dayFormat.format(new Date(time));
}

export function shortTime(time) {
  const date = new Date(time);
  return date.toDateString() === new Date().toDateString() ? timeFormat.format(date) : dateFormat.format(date);
}
